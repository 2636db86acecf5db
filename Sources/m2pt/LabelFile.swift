import Foundation
import MultimodalPathway

/// Names of classes in the layout of AudioSet's class_labels_indices.csv: `index,mid,display_name`, one class a line.
enum LabelFile {
  private static let largest = 32 << 20

  /// The names of a vocabulary that the library has, such as `imagenet-1k`, or of a file.
  ///
  /// - Throws: as `read`; `ToolError` where the vocabulary has another number of classes than the model.
  static func names(_ choice: String, count: Int) throws -> [String] {
    guard let vocabulary = ClassVocabulary(rawValue: choice), !FileManager.default.fileExists(atPath: choice) else {
      return try read(choice, count: count)
    }
    guard vocabulary.names.count == count else {
      throw ToolError("--labels \(choice) has \(vocabulary.names.count) classes, the model has \(count)")
    }
    return vocabulary.names
  }

  /// The names by class number.
  ///
  /// - Parameter count: classes that the model has.
  /// - Throws: `ToolError` where the file cannot be read, lacks a column, or does not number all classes once.
  static func read(_ path: String, count: Int) throws -> [String] {
    let text: String
    do {
      let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
      guard size <= largest else { throw ToolError("\(path): has \(size) bytes, more than a list of classes can have") }
      text = try String(contentsOfFile: path, encoding: .utf8)
    } catch let error as ToolError {
      throw error
    } catch {
      throw ToolError("\(path): cannot be read: \(error.localizedDescription)")
    }
    let records = try CSV.records(text.hasPrefix("\u{FEFF}") ? String(text.dropFirst()) : text, file: path)
    let header = records.first ?? []
    guard let index = header.firstIndex(of: "index"), let name = header.firstIndex(of: "display_name") else {
      throw ToolError("\(path): the first line is '\(header.joined(separator: ","))', expected index,mid,display_name")
    }
    var labels = [String?](repeating: nil, count: count)
    for record in records.dropFirst() {
      guard record.count == header.count, let number = Int(record[index]), labels.indices.contains(number) else {
        throw ToolError("\(path): '\(CSV.line(record))' does not name one of the model's classes, 0...\(count - 1)")
      }
      guard labels[number] == nil else { throw ToolError("\(path): names class \(number) twice") }
      labels[number] = record[name]
    }
    return try labels.enumerated().map { number, label in
      guard let label else {
        throw ToolError("\(path): does not name class \(number); the model has \(count), the file \(records.count - 1)")
      }
      return label
    }
  }
}
