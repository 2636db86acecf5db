// swift-tools-version: 6.2
import Foundation
import PackageDescription

// The cases of one revision as a process. A package of its own, so that `compare-revisions` can build it upon any
// revision's folder, named by M2PT_ROOT.
let root = ProcessInfo.processInfo.environment["M2PT_ROOT"] ?? "../.."

let package = Package(
  name: "CaseServer",
  dependencies: [.package(name: "MultimodalPathway", path: root)],
  targets: [
    .executableTarget(
      name: "CaseServer",
      dependencies: [
        .product(name: "PathwayCases", package: "MultimodalPathway"),
        .product(name: "MultimodalPathway", package: "MultimodalPathway"),
      ],
      path: ".", sources: ["Main.swift"], swiftSettings: [.treatAllWarnings(as: .error)])
  ],
  swiftLanguageModes: [.v6]
)
