import ArgumentParser
import Foundation
import MultimodalPathway
import PathwayData
import PathwayTraining

struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train a model on files of known classes, with or without pathways, and write it merged.",
    discussion: """
      Takes one folder of files for each class; or a table (CSV) with the columns path, label and, if wanted, split, \
      whose paths are relative to it, with several labels separated by semicolons; or AudioSet's table of segments, \
      in whose directory class_labels_indices.csv and the recordings are. Files of several labels make a model that \
      answers for every class by itself (recipe key task). A model that answers for every point of a cloud takes \
      folders or labels of its categories (of one category a folder of files), and PLY, NPY or text files with a part \
      for each point: a property, field or column named label, part, seg or class, or the last of 4 or 7 columns \
      without names. With --auxiliary, the scales of the pathways are learned \
      with the weights, from --scale (0). The output directory holds the best model with its pathways merged \
      (model/), the same in parts (unmerged/, scales.json), log.jsonl with a line for each step and each epoch, the \
      recipe, and a checkpoint. SIGINT and SIGTERM end the run after the step; --resume continues it with the same \
      bits as a run that was not interrupted. The files after the last whole step of an epoch are left out of that \
      epoch.
      """)

  @OptionGroup var pathway: PathwayOptions
  @OptionGroup var engine: EngineOptions
  @Option(help: "Directory with a folder of files for every class, or a table of files; of its rows those of train.")
  var data: String
  @Option(help: "The same with other files, to measure on after every epoch; of a table's rows those of validation.")
  var validation: String?
  @Option(
    name: .customLong("recipe"),
    help: ArgumentHelp(
      """
      YAML file of the recipe's keys, or one of \(Recipe.names.joined(separator: ", ")); absent keys have their \
      defaults.
      """, valueName: "file-or-name"))
  var recipeChoice: String?
  @Option(
    name: .customLong("set"), parsing: .singleValue,
    help: ArgumentHelp("One key of the recipe: \(Recipe.keys.joined(separator: ", ")).", valueName: "key=value"))
  var settings: [String] = []
  @Option(help: "The recipe's seed.") var seed: UInt64?
  @Option(help: "The recipe's precision: float32 or bfloat16, the format of the products' operands.")
  var precision: String?
  @Flag(
    name: .customLong("from-scratch"),
    help: "Begin with new weights of the target's shapes, from the seed; its directory may have config.json alone.")
  var startsFromScratch = false
  @Option(help: "The directory of the run.") var output: String
  @Flag(help: "Continue the run of the output directory.") var resume = false
  @Flag(
    name: .customLong("recompute-blocks"),
    help: "Compute blocks again in the backward pass instead of keeping their activations: less memory, more time.")
  var recomputesBlocks = false
  @Flag(name: .customLong("dry-run"), help: "Print the table of tensors and the memory of a run, and end.")
  var isDry = false
  @Flag(name: .customLong("skip-unreadable"), help: "Leave out files that cannot be read, and count them.")
  var skipsUnreadable = false
  @Flag(help: "JSON on standard output.") var json = false

  func validate() throws {
    for setting in settings where !setting.contains("=") {
      throw ValidationError("--set takes KEY=VALUE, such as epochs=30; found '\(setting)'.")
    }
  }

  func run() throws {
    let url = URL(fileURLWithPath: output)
    if !isDry { try Trainer.check(url, resuming: resume) }
    let recipe = try recipe(url)
    var pathway = pathway
    if let size = recipe.imageSize {
      guard pathway.imageSize.extent.map({ $0 == size }) ?? true else {
        throw ToolError("--image-size is not the recipe's image_size, \(size); leave one of them out")
      }
      pathway.imageSize.text = "\(size.height)x\(size.width)"
    }
    var weights = try pathway.joined(needsNoTargetWeights: startsFromScratch)
    if weights.pathways.isEmpty {
      let settings = [("lambda_rate", recipe.lambdaRate != 1), ("freeze=auxiliary", recipe.freeze == .auxiliary)]
      for (setting, isSet) in settings where isSet { report("note: \(setting) has no effect without an auxiliary") }
    }
    if startsFromScratch { weights = try weights.moved(to: weights.target.initial(seed: recipe.seed)) }
    let preprocessing = try pathway.recipe.preprocessing(
      weights.target.configuration, modelAt: pathway.target, architecture: pathway.architecture)
    let engine = try self.engine.engine()
    if recipe.precision == .bfloat16 { engine.noteEmulation(of: .bfloat16) }
    let frontEnd = try weights.target.configuration.frontEnd(recipe: preprocessing, engine: engine, note: reportNote)
    let files = try files(data, frontEnd, weights.target.configuration)
    let trainer = try Trainer(
      weights, on: files, in: data, recipe: recipe, recomputesBlocks: recomputesBlocks,
      preprocessing: preprocessing, engine: engine, note: reportNote)
    trainer.skipsUnreadable = skipsUnreadable
    if trainer.hasNewHead {
      let several = trainer.task == .multiLabel ? ", of which a file may have several" : ""
      report("note: the target has no head for these classes; it gets a new one for \(files.classes.count)\(several)")
    }
    if let validation {
      trainer.validation =
        try weights.target.configuration.parts.map {
          try LabelledData.read(validation, frontEnd, split: .validation, of: $0)
        } ?? LabelledData.read(validation, frontEnd, split: .validation, expecting: files.classes)
      reportUnread(trainer.validation?.unread ?? [:])
    }
    let summary = TrainReport(trainer, recipe)
    if isDry { return json ? try printJSON(summary.plan) : try StandardOutput.show(summary.planLines) }
    try train(trainer, recipe, url, summary)
  }

  private func train(_ trainer: Trainer, _ recipe: Recipe, _ url: URL, _ summary: TrainReport) throws {
    Interruption.watch()
    // Of a run that is continued, from where it was.
    var progress: Progress?
    var summary = summary
    let outcome = try trainer.run(in: url, resuming: resume) { event in
      switch event {
      case .step(let step, _, _):
        if progress == nil { progress = Progress("train", total: trainer.steps - step + 1) }
        progress?.advance()
      case .skipped(let reason):
        if progress == nil { report("left out: \(reason)") }
        progress?.say("left out: \(reason)")
      case .epoch(let epoch, let loss, let evaluation):
        let measure = evaluation.map { String(format: ", \(summary.measure) %.2f %%", 100 * $0.measure) } ?? ""
        progress?.say(String(format: "epoch %d: loss %.5f%@", epoch, loss, measure))
        try TrainPage(url, recipe).write(to: url.appendingPathComponent("index.html"))
      }
      summary.note(event)
    } shouldStop: {
      Interruption.signal != nil
    }
    progress?.finish()
    if case .stopped(let step) = outcome {
      report("interrupted after step \(step) of \(trainer.steps); the run is saved, --resume continues it")
      throw ExitCode(128 + (Interruption.signal ?? SIGINT))
    }
    let result = summary.result(output)
    if json { try printJSON(result) } else { try StandardOutput.show(result.lines) }
  }

  /// The recipe that was chosen, or of the run that is continued, with the keys of the command line.
  private func recipe(_ url: URL) throws -> Recipe {
    var recipe =
      try recipeChoice.map { try Self.chosenRecipe($0) } ?? (resume ? try Trainer.recipe(ofRunIn: url) : Recipe())
    for setting in settings {
      let parts = setting.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      try recipe.set(String(parts[0]), to: String(parts[1]))
    }
    if let seed { recipe.seed = seed }
    if let precision { try recipe.set("precision", to: precision) }
    return recipe
  }

  /// A recipe by its name or file; of both the file.
  private static func chosenRecipe(_ choice: String) throws -> Recipe {
    let url = URL(fileURLWithPath: choice)
    let isPath = choice.contains("/") || ["yaml", "yml"].contains(url.pathExtension)
    let isFile = FileManager.default.fileExists(atPath: choice) && !url.isExistingDirectory
    return isPath || isFile ? try Recipe(contentsOf: url) : try Recipe(named: choice)
  }

  /// The training data; in the order of the model's classes where they are the same. Of a model that answers for every
  /// point the classes are its categories.
  private func files(
    _ path: String, _ frontEnd: any FrontEnd, _ c: VisionTransformerConfiguration
  ) throws -> any LabelledFiles {
    let files =
      try c.parts.map { try LabelledData.read(path, frontEnd, split: .train, of: $0) }
      ?? LabelledData.read(path, frontEnd, split: .train)
    reportUnread(files.unread)
    guard let labels = c.labels, labels != files.classes, labels.sorted() == files.classes.sorted() else {
      return files
    }
    return try LabelledData.read(path, frontEnd, split: .train, expecting: labels)
  }
}
