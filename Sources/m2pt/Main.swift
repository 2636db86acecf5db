import ArgumentParser
import MultimodalPathway

@main
struct M2PT: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "m2pt", abstract: "Vision-style transformers with multimodal pathways, on CPUs.",
    version: multimodalPathwayVersion,
    subcommands: [
      Demo.self, Classify.self, Segment.self, Features.self, Probe.self, AttentionOverlay.self, Inspect.self,
      Convert.self, Merge.self, Verify.self, Calibrate.self, Bench.self,
    ])
}
