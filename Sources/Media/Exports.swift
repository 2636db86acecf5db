// What a user of the files needs of the modules beneath them.
@_exported import protocol PathwayKernels.CodedError
