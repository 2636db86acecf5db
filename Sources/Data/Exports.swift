// What a user of front ends needs of the modules beneath them.
@_exported import protocol PathwayKernels.CodedError
