import Foundation
import MultimodalPathway
import TestSupport
import Testing

/// `m2pt calibrate` and the plan it writes.
@Suite struct CalibrateTests {
  private struct Report: Decodable {
    var bound: Double
    var inputs: Int
    var layers: [Calibration.Layer]
  }

  @Test func writesAPlanThatOtherCommandsRead() throws {
    try Tool.withModels { folder in
      let model = folder.appendingPathComponent("target").path
      let plan = folder.appendingPathComponent("plan.json")
      let pictures = ["cat.jpg", "cat.jpg"].map { Fixture.url("images/\($0)").path }
      let options = ["calibrate", "--model", model, "--batch", "1"] + pictures
      let run = try Tool.run(options + ["--bound", "0", "--output", plan.path, "--json"])
      #expect(run.status == 0, "\(run.errors)")
      let report = try JSONDecoder().decode(Report.self, from: Data(run.output.utf8))
      #expect(report.bound == 0 && report.inputs == 2 && report.layers.count == 9)
      #expect(report.layers.allSatisfy { $0.precision == .float32 && $0.int8Loss ?? 1 > $0.bfloat16Loss })
      #expect(try PrecisionPlan.read(plan).overrides.count == 9)

      // All layers are float32 by name: the answer is that of --precision float32.
      func classify(_ precision: [String]) throws -> String {
        let run = try Tool.run(["classify", "--model", model, "--csv", pictures[0]] + precision)
        #expect(run.status == 0, "\(run.errors)")
        return run.output
      }
      let exact = try classify(["--precision", "float32"])
      #expect(try classify(["--precision-plan", plan.path]) == exact)
      #expect(try classify(["--precision", "int8"]) != exact)

      let table = try Tool.run(options)
      #expect(table.status == 0 && table.output.contains("blocks.1.mlp.fc2") && table.output.contains("5 in int8"))
    }
  }

  /// The baseline has no products of bfloat16: commands say so in a line, and no layer gets the format.
  @Test func formatsThatAreEmulatedAreSaid() throws {
    try Tool.withModels { folder in
      let model = folder.appendingPathComponent("target").path
      let picture = Fixture.url("images/cat.jpg").path
      func run(_ options: [String]) throws -> (output: String, notes: Int) {
        let run = try Tool.run(options, environment: ["M2PT_ISA": "baseline"])
        #expect(run.status == 0, "\(run.errors)")
        return (run.output, run.errors.components(separatedBy: "emulates").count - 1)
      }
      for (precision, notes) in [("float32", 0), ("int8", 0), ("bfloat16", 1)] {
        let options = ["classify", "--model", model, picture, "--precision", precision]
        #expect(try run(options).notes == notes, "\(precision)")
      }
      let calibrated = try run(["calibrate", "--model", model, picture, "--json", "--bound", "1"])
      let report = try JSONDecoder().decode(Report.self, from: Data(calibrated.output.utf8))
      #expect(calibrated.notes == 1 && !report.layers.map(\.precision).contains(.bfloat16))
      #expect(report.layers.map(\.precision).contains(.int8) && report.layers.map(\.precision).contains(.float32))
      let timed = try run(["bench", "--model", model, "--precision", "bfloat16", "--runs", "1", "--json"])
      let bench = try #require(JSONSerialization.jsonObject(with: Data(timed.output.utf8)) as? [String: Any])
      #expect(timed.notes == 1 && bench["emulated"] as? [String] == ["bfloat16"])
    }
  }

  @Test func refusesImpossibleOptionsAndPlans() throws {
    try Tool.withModels { folder in
      let model = folder.appendingPathComponent("target").path
      let picture = Fixture.url("images/cat.jpg").path
      #expect(try Tool.run(["calibrate", "--model", model, "--bound", "-1", picture]).status == 64)
      #expect(try Tool.run(["calibrate", "--model", model, "--precision", "int8", picture]).status == 64)
      let plan = folder.appendingPathComponent("plan.json")
      try Data(#"{"standard": "int8", "overrides": {"blocks.7.mlp.fc2": "float32"}}"#.utf8).write(to: plan)
      let unknown = try Tool.run(["classify", "--model", model, "--precision-plan", plan.path, picture])
      #expect(unknown.status == 1 && unknown.errors.contains("blocks.7.mlp.fc2"), "\(unknown.errors)")
      let both = try Tool.run([
        "classify", "--model", model, "--precision-plan", plan.path, "--precision", "int8", picture,
      ])
      #expect(both.status == 64)
    }
  }
}
