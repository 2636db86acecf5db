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
      let data = try Data(contentsOf: URL(fileURLWithPath: path))
      guard let utf8 = String(data: data, encoding: .utf8) else {
        let isWide = data.starts(with: [0xFF, 0xFE]) || data.starts(with: [0xFE, 0xFF])
        throw ToolError("\(path): the text is \(isWide ? "in UTF-16" : "not in UTF-8"); save it as UTF-8")
      }
      text = utf8
    } catch let error as ToolError {
      throw error
    } catch {
      throw ToolError("\(path): cannot be read: \(error.localizedDescription)")
    }
    let records = try CSV.records(text.hasPrefix("\u{FEFF}") ? String(text.dropFirst()) : text, file: path)
    let header = records.first?.fields ?? []
    guard let index = header.firstIndex(of: "index"), let name = header.firstIndex(of: "display_name") else {
      throw ToolError(
        "\(path):\(records.first?.line ?? 1): the first line is '\(header.joined(separator: ","))', "
          + "expected index,mid,display_name")
    }
    var labels = [String?](repeating: nil, count: count)
    for (line, record) in records.dropFirst() {
      guard record.count == header.count else {
        throw ToolError("\(path):\(line): \(record.count) columns, expected \(header.count) as in the first line")
      }
      guard let number = Int(record[index]), labels.indices.contains(number) else {
        throw ToolError(
          "\(path):\(line): '\(CSV.line(record))' does not name one of the model's classes, 0...\(count - 1)")
      }
      guard labels[number] == nil else { throw ToolError("\(path):\(line): names class \(number) twice") }
      guard !record[name].isEmpty else { throw ToolError("\(path):\(line): class \(number) has no name") }
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
