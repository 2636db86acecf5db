// swift-tools-version: 6.2
import PackageDescription

// MARK: - Instruction sets
// One list of flags per kernel module. Detection and dispatch are compiled with none of them
// (Sources/Kernels/README.md).

#if arch(x86_64)
  let baselineFlags: [String] = []
  let avx2Flags = ["-Xcc", "-mavx2", "-Xcc", "-mfma", "-Xcc", "-mf16c"]
  let avx512Flags =
    avx2Flags + [
      "-Xcc", "-mavx512f", "-Xcc", "-mavx512bw", "-Xcc", "-mavx512dq", "-Xcc", "-mavx512vl",
      "-Xcc", "-mprefer-vector-width=512",
    ]
  let avx512BF16Flags = avx512Flags + ["-Xcc", "-mavx512bf16", "-Xcc", "-mavx512vnni"]
#else
  let baselineFlags: [String] = []
  let avx2Flags: [String] = []
  let avx512Flags: [String] = []
  let avx512BF16Flags: [String] = []
#endif

func kernelSettings(_ flags: [String]) -> [SwiftSetting] {
  strict + [.unsafeFlags(["-Ounchecked"] + flags), wholeModule]
}

let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6), .enableExperimentalFeature("StrictConcurrency"), .treatAllWarnings(as: .error),
]

/// What a release build does by itself. Without it, entry points call a tag's instructions, which another file has, by
/// its witness table, one multiply-add at a time.
let wholeModule: SwiftSetting = .unsafeFlags(
  ["-disable-batch-mode", "-whole-module-optimization", "-num-threads", "1"], .when(configuration: .debug))

/// Loops that debug builds run at full speed, with the checks of a release build.
let loopSettings: [SwiftSetting] = strict + [.unsafeFlags(["-O"], .when(configuration: .debug)), wholeModule]

let package = Package(
  name: "MultimodalPathway",
  products: [
    .library(name: "MultimodalPathway", targets: ["MultimodalPathway"]),
    .library(name: "PathwayMedia", targets: ["PathwayMedia"]),
    .library(name: "PathwayData", targets: ["PathwayData"]),
    .executable(name: "m2pt", targets: ["m2pt"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0")
  ],
  targets: [
    // MARK: - C: what Swift cannot spell (CSupport/README.md)
    .target(
      name: "CSupport", path: "CSupport/Core", cSettings: [.unsafeFlags(["-fopenmp"])],
      linkerSettings: [.linkedLibrary("omp5"), .linkedLibrary("m")]),
    .target(
      name: "CLapackSupport", path: "CSupport/Lapack", linkerSettings: [.linkedLibrary("lapacke")]),
    .target(
      name: "CMediaSupport", path: "CSupport/Media",
      linkerSettings: ["jpeg", "png16", "sndfile", "soxr", "z"].map { .linkedLibrary($0) }),  // FFmpeg: Media/ffmpeg.h
    .target(name: "CDigestSupport", path: "CSupport/Digest", linkerSettings: ["crypto", "z"].map { .linkedLibrary($0) }),

    // MARK: - Kernels: one source, one module per instruction set
    .target(
      name: "PathwayKernelTemplates", dependencies: ["CSupport"], path: "Sources/Kernels/Templates",
      swiftSettings: kernelSettings(baselineFlags)),
    .target(
      name: "PathwayKernelsBaseline", dependencies: ["PathwayKernelTemplates"], path: "Sources/Kernels/Baseline",
      swiftSettings: kernelSettings(baselineFlags)),
    .target(
      name: "PathwayKernelsAVX2", dependencies: ["PathwayKernelTemplates"], path: "Sources/Kernels/AVX2",
      swiftSettings: kernelSettings(avx2Flags)),
    .target(
      name: "PathwayKernelsAVX512", dependencies: ["PathwayKernelTemplates"], path: "Sources/Kernels/AVX512",
      swiftSettings: kernelSettings(avx512Flags)),
    .target(
      name: "PathwayKernelsAVX512BF16", dependencies: ["PathwayKernelTemplates"], path: "Sources/Kernels/AVX512BF16",
      swiftSettings: kernelSettings(avx512BF16Flags)),
    .target(name: "PathwayLoops", path: "Sources/Kernels/Loops", swiftSettings: loopSettings),
    .target(
      name: "PathwayKernels",
      dependencies: [
        "CSupport", "PathwayLoops", "PathwayKernelTemplates", "PathwayKernelsBaseline", "PathwayKernelsAVX2",
        "PathwayKernelsAVX512", "PathwayKernelsAVX512BF16",
      ],
      path: "Sources/Kernels/Dispatch", swiftSettings: strict),

    // MARK: - The library
    .target(
      name: "PathwayCheckpoints", dependencies: ["PathwayKernels", "PathwayLoops", "CSupport", "CDigestSupport"],
      path: "Sources/Checkpoints", swiftSettings: strict),
    .target(
      name: "MultimodalPathway",
      dependencies: ["PathwayKernels", "PathwayKernelTemplates", "PathwayLoops", "PathwayCheckpoints"],
      swiftSettings: strict),

    // MARK: - Around the library
    .target(
      name: "PathwayProbing",
      dependencies: ["MultimodalPathway", "PathwayKernels", "PathwayKernelTemplates", "CLapackSupport"],
      path: "Sources/Probing", swiftSettings: strict),
    .target(
      name: "PathwayMedia",
      dependencies: ["MultimodalPathway", "PathwayKernels", "PathwayLoops", "CMediaSupport", "CDigestSupport"],
      path: "Sources/Media", swiftSettings: strict),
    .target(
      name: "PathwayData", dependencies: ["MultimodalPathway", "PathwayKernels", "PathwayLoops", "PathwayMedia"],
      path: "Sources/Data", swiftSettings: strict),
    .executableTarget(
      name: "m2pt",
      dependencies: [
        "MultimodalPathway", "PathwayKernels", "PathwayProbing", "PathwayMedia", "PathwayData",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      resources: [.copy("Demo")], swiftSettings: strict),

    // MARK: - Tests
    .target(
      name: "TestSupport", dependencies: ["PathwayKernels", "PathwayCheckpoints"], path: "Tests/TestSupport",
      swiftSettings: strict),
    .target(
      name: "PathwayCases", dependencies: ["MultimodalPathway", "PathwayKernels", "PathwayKernelTemplates"],
      path: "Tests/Cases", swiftSettings: strict),
    .testTarget(
      name: "KernelsTests", dependencies: ["PathwayKernels", "PathwayLoops", "TestSupport"], swiftSettings: strict),
    .testTarget(name: "CheckpointsTests", dependencies: ["PathwayCheckpoints", "TestSupport"], swiftSettings: strict),
    .testTarget(
      name: "MultimodalPathwayTests", dependencies: ["MultimodalPathway", "PathwayMedia", "PathwayCases", "TestSupport"],
      swiftSettings: strict),
    .testTarget(name: "MediaTests", dependencies: ["PathwayMedia", "TestSupport"], swiftSettings: strict),
    .testTarget(name: "DataTests", dependencies: ["PathwayData", "TestSupport"], swiftSettings: strict),
    .testTarget(name: "ProbingTests", dependencies: ["PathwayProbing", "TestSupport"], swiftSettings: strict),
    .testTarget(name: "ToolTests", dependencies: ["m2pt", "PathwayMedia", "TestSupport"], swiftSettings: strict),
  ]
)

// perf/ is a package of its own: it reaches the cases of the tests by a product that no other package is to see.
if Context.environment["M2PT_PERF"] != nil {
  package.products.append(.library(name: "PathwayCases", targets: ["PathwayCases"]))
}
