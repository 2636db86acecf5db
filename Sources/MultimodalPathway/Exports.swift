// What a user of the library needs of the modules beneath it.
@_exported import PathwayCheckpoints

@_exported import protocol PathwayKernels.CodedError
@_exported import struct PathwayKernels.Engine
@_exported import enum PathwayKernels.EngineError
@_exported import struct PathwayKernels.InstructionSet
@_exported import struct PathwayKernels.MemoryError
@_exported import enum PathwayKernels.Precision
