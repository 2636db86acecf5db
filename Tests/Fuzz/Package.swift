// swift-tools-version: 6.2
import PackageDescription

// A nested package: libFuzzer has its own `main`, which would conflict with an ordinary build of the package.
let package = Package(
  name: "Fuzz",
  dependencies: [.package(name: "MultimodalPathway", path: "../..")],
  targets: [
    .executableTarget(
      name: "Fuzz",
      dependencies: [
        .product(name: "MultimodalPathway", package: "MultimodalPathway"),
        .product(name: "PathwayData", package: "MultimodalPathway"),
        .product(name: "PathwayMedia", package: "MultimodalPathway"),
        .product(name: "PathwayTraining", package: "MultimodalPathway"),
      ],
      swiftSettings: [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error), .unsafeFlags(["-parse-as-library"])])
  ]
)
