// What a user of the checkpoints needs of the module beneath them.
@_exported import protocol PathwayKernels.CodedError
