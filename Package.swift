// swift-tools-version: 6.2
import PackageDescription

// MARK: - Settings

let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6), .enableExperimentalFeature("StrictConcurrency"), .treatAllWarnings(as: .error),
]

/// What a release build does by itself. Without it, entry points call a tag's instructions, which another file has, by
/// its witness table, one multiply-add at a time.
let wholeModule: SwiftSetting = .unsafeFlags(
  ["-disable-batch-mode", "-whole-module-optimization", "-num-threads", "1"], .when(configuration: .debug))

/// Loops that debug builds run at full speed, with the checks of a release build.
let loopSettings: [SwiftSetting] = strict + [.unsafeFlags(["-O"], .when(configuration: .debug)), wholeModule]

/// LLVM's OpenMP: Debian's libomp-dev, or Homebrew's libomp.
#if os(macOS)
  let openMP: (compiler: [String], linker: [LinkerSetting]) = (
    ["-Xclang", "-fopenmp", "-I/opt/homebrew/opt/libomp/include"],
    [.unsafeFlags(["-L/opt/homebrew/opt/libomp/lib"]), .linkedLibrary("omp")]
  )
#else
  let openMP: (compiler: [String], linker: [LinkerSetting]) = (["-fopenmp"], [.linkedLibrary("omp5")])
#endif

// MARK: - Instruction sets
// One module of kernels for each (Sources/Kernels/README.md). Detection and dispatch are compiled with no flag.

#if arch(x86_64)
  let avx2 = ["avx2", "fma", "f16c"]
  let avx512 = avx2 + ["avx512f", "avx512bw", "avx512dq", "avx512vl", "prefer-vector-width=512"]
  let kernelSets = [
    KernelSet("Baseline"),
    KernelSet("AVX2", flags: avx2),
    KernelSet("AVXVNNI", flags: avx2 + ["avxvnni"], extending: "AVX2"),
    KernelSet("AVX512", flags: avx512),
    KernelSet("AVX512VNNI", flags: avx512 + ["avx512vnni"], extending: "AVX512"),
    KernelSet("AVX512BF16", flags: avx512 + ["avx512bf16", "avx512vnni"], extending: "AVX512VNNI"),
  ]
#elseif arch(arm64)
  let kernelSets = [
    KernelSet("Baseline"),
    KernelSet("NEON", extending: "Baseline"),
    KernelSet("NEONBF16", flags: ["arch=armv8.2-a+bf16+i8mm"], extending: "NEON"),
  ]
#else
  let kernelSets = [KernelSet("Baseline")]
#endif

/// A folder of Sources/Kernels/Sets and the compiler's `-m` flags of its module.
struct KernelSet {
  let module: String
  let target: Target

  /// - Parameter base: the set whose operations this one takes over.
  init(_ name: String, flags: [String] = [], extending base: String? = nil) {
    module = "PathwayKernels\(name)"
    target = .target(
      name: module,
      dependencies: ["CSupport", "PathwayKernelTemplates"]
        + (base.map { [.target(name: "PathwayKernels\($0)")] } ?? []),
      path: "Sources/Kernels/Sets/\(name)", swiftSettings: kernelSettings(flags))
  }
}

func kernelSettings(_ flags: [String]) -> [SwiftSetting] {
  strict + [.unsafeFlags(["-Ounchecked"] + flags.flatMap { ["-Xcc", "-m\($0)"] }), wholeModule]
}

let package = Package(
  name: "MultimodalPathway",
  products: [
    .library(name: "MultimodalPathway", targets: ["MultimodalPathway"]),
    .library(name: "PathwayMedia", targets: ["PathwayMedia"]),
    .library(name: "PathwayData", targets: ["PathwayData"]),
    .library(name: "PathwayTraining", targets: ["PathwayTraining"]),
    .executable(name: "m2pt", targets: ["m2pt"]),
    .library(name: "m2pt-c", type: .dynamic, targets: ["PathwayCLibrary"]),  // CSupport/Library/install
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
  ],
  targets: [
    // MARK: - C: what Swift cannot spell (CSupport/README.md)
    .target(
      name: "CSupport", path: "CSupport/Core", cSettings: [.unsafeFlags(openMP.compiler)],
      linkerSettings: openMP.linker + [.linkedLibrary("m")]),
    .target(
      name: "CLapackSupport", path: "CSupport/Lapack", linkerSettings: [.linkedLibrary("lapacke")]),
    .target(
      name: "CMediaSupport", path: "CSupport/Media",
      linkerSettings: ["jpeg", "png16", "sndfile", "soxr", "z"].map { .linkedLibrary($0) }),  // FFmpeg: Media/ffmpeg.h
    .target(
      name: "CDigestSupport", path: "CSupport/Digest", linkerSettings: ["crypto", "z"].map { .linkedLibrary($0) }),

    .target(
      name: "CLibrarySupport", path: "CSupport/Library",
      exclude: ["README.md", "examples", "install", "m2pt.map", "m2pt.pc.in"]),

    // MARK: - Kernels: one source, one module per instruction set
    .target(
      name: "PathwayKernelTemplates", dependencies: ["CSupport"], path: "Sources/Kernels/Templates",
      swiftSettings: kernelSettings([])),
    .target(name: "PathwayLoops", path: "Sources/Kernels/Loops", swiftSettings: loopSettings),
    .target(
      name: "PathwayKernels",
      dependencies: ["CSupport", "PathwayLoops", "PathwayKernelTemplates"]
        + kernelSets.map { .target(name: $0.module) },
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
    .target(
      name: "PathwayTraining",
      dependencies: [
        "MultimodalPathway", "PathwayKernels", "PathwayLoops", "PathwayData", "PathwayMedia",
        .product(name: "Yams", package: "Yams"),
      ],
      path: "Sources/Training", swiftSettings: strict),
    .target(
      name: "PathwayCLibrary",
      dependencies: ["CLibrarySupport", "MultimodalPathway", "PathwayKernels", "PathwayData"],
      path: "Sources/CLibrary", swiftSettings: strict,
      linkerSettings: [
        .unsafeFlags(
          [
            "-Xlinker", "-soname=libm2pt.so.0", "-Xlinker",
            "--version-script=\(Context.packageDirectory)/CSupport/Library/m2pt.map",
          ], .when(platforms: [.linux]))
      ]),
    .executableTarget(
      name: "m2pt",
      dependencies: [
        "MultimodalPathway", "PathwayKernels", "PathwayProbing", "PathwayMedia", "PathwayData", "PathwayTraining",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      resources: [.copy("Demo")], swiftSettings: strict),

    // MARK: - Tests
    .target(
      name: "TestSupport", dependencies: ["PathwayKernels", "PathwayCheckpoints"], path: "Tests/TestSupport",
      swiftSettings: loopSettings),
    .target(
      name: "PathwayCases", dependencies: ["MultimodalPathway", "PathwayKernels", "PathwayKernelTemplates"],
      path: "Tests/Cases", swiftSettings: strict),
    .testTarget(
      name: "KernelsTests", dependencies: ["PathwayKernels", "PathwayLoops", "TestSupport", "CSupport"],
      swiftSettings: loopSettings),  // loops of Double references
    .testTarget(name: "CheckpointsTests", dependencies: ["PathwayCheckpoints", "TestSupport"], swiftSettings: strict),
    .testTarget(
      name: "MultimodalPathwayTests",
      dependencies: ["MultimodalPathway", "PathwayMedia", "PathwayCases", "TestSupport"],
      swiftSettings: strict),
    .testTarget(name: "MediaTests", dependencies: ["PathwayMedia", "TestSupport"], swiftSettings: strict),
    .testTarget(name: "DataTests", dependencies: ["PathwayData", "TestSupport"], swiftSettings: strict),
    .testTarget(name: "ProbingTests", dependencies: ["PathwayProbing", "TestSupport"], swiftSettings: strict),
    .testTarget(
      name: "TrainingTests",
      dependencies: ["PathwayTraining", "PathwayData", "PathwayMedia", "PathwayKernels", "TestSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "ToolTests", dependencies: ["m2pt", "PathwayMedia", "PathwayTraining", "TestSupport"],
      swiftSettings: strict),
  ] + kernelSets.map(\.target)
)

// perf/ is a package of its own: it reaches the cases of the tests by a product that no other package is to see.
if Context.environment["M2PT_PERF"] != nil {
  package.products.append(.library(name: "PathwayCases", targets: ["PathwayCases"]))
}

// Tests/Checks/debug needs the tests of one module.
if let tests = Context.environment["M2PT_TESTS"] {
  package.targets.removeAll { $0.type == .test && $0.name != tests }
}
