// swift-tools-version: 6.2
import PackageDescription

// Timing and comparison; see README.md. Nothing in the package above depends on this one.
let settings: [SwiftSetting] = [.treatAllWarnings(as: .error)]

let package = Package(
  name: "PathwayPerformance",
  dependencies: [
    .package(name: "MultimodalPathway", path: ".."),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.0", traits: []),
  ],
  targets: [
    .executableTarget(
      name: "Suite",
      dependencies: [
        .product(name: "Benchmark", package: "benchmark"),
        .product(name: "PathwayCases", package: "MultimodalPathway"),
        .product(name: "MultimodalPathway", package: "MultimodalPathway"),
      ],
      path: "Benchmarks/Suite", swiftSettings: settings,
      plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]),
    .executableTarget(
      name: "ForwardServer",
      dependencies: [.product(name: "MultimodalPathway", package: "MultimodalPathway")],
      path: "ForwardServer", swiftSettings: settings),
    .executableTarget(
      name: "StepServer",
      dependencies: [
        .product(name: "MultimodalPathway", package: "MultimodalPathway"),
        .product(name: "PathwayTraining", package: "MultimodalPathway"),
      ],
      path: "StepServer", swiftSettings: settings),
    .executableTarget(
      name: "PerfTool",
      dependencies: [
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "PathwayCases", package: "MultimodalPathway"),
        .product(name: "MultimodalPathway", package: "MultimodalPathway"),
        .product(name: "PathwayData", package: "MultimodalPathway"),
      ],
      path: "Tool", swiftSettings: settings),
  ],
  swiftLanguageModes: [.v6]
)
