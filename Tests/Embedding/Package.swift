// swift-tools-version: 6.2
import PackageDescription

// Apps that use the package as others would: by its library products, at a version.
let repository = Context.environment["MULTIMODAL_PATHWAY_URL"] ?? "https://example.com/MultimodalPathway.git"

func product(_ name: String) -> Target.Dependency { .product(name: name, package: "MultimodalPathway") }

let package = Package(
  name: "Embedding",
  dependencies: [.package(url: repository, from: "0.1.0")],
  targets: [
    .executableTarget(
      name: "Embedding", dependencies: [product("MultimodalPathway")],
      swiftSettings: [.treatAllWarnings(as: .error)]),
    .executableTarget(
      name: "Media", dependencies: [product("MultimodalPathway"), product("PathwayData")],
      swiftSettings: [.treatAllWarnings(as: .error)]),
  ],
  swiftLanguageModes: [.v6]
)
