// swift-tools-version: 6.2
import PackageDescription

// An app that embeds the engine, as its author would write it: the library product, by version.
let repository = Context.environment["MULTIMODAL_PATHWAY_URL"] ?? "https://example.com/MultimodalPathway.git"

let package = Package(
  name: "Embedding",
  dependencies: [.package(url: repository, from: "0.1.0")],
  targets: [
    .executableTarget(
      name: "Embedding", dependencies: [.product(name: "MultimodalPathway", package: "MultimodalPathway")],
      swiftSettings: [.treatAllWarnings(as: .error)])
  ],
  swiftLanguageModes: [.v6]
)
