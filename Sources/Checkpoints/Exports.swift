// What users of this module need of PathwayKernels.
@_exported import protocol PathwayKernels.CodedError
