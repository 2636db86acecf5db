// What a user of training needs of the modules beneath it.
@_exported import protocol PathwayKernels.CodedError
