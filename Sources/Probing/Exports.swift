// What a user of the heads needs of the modules beneath them.
@_exported import protocol PathwayKernels.CodedError
