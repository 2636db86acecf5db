import ArgumentParser

@main
struct M2PT: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "m2pt", abstract: "Vision-style transformers with multimodal pathways, on CPUs.", version: "0.1.0")
}
