import Foundation
import MultimodalPathway

/// Names of classes in the layout of AudioSet's class_labels_indices.csv: `index,mid,display_name`, one class per line.
public enum ClassNames {
  /// The names in a vocabulary of the library, such as `imagenet-1k`, or in a file, by class number.
  ///
  /// - Parameters:
  ///   - choice: the name of a vocabulary, or the path of a file. A file with the name of a vocabulary is preferred.
  ///   - count: the number of classes of the model.
  /// - Throws: as `read(_:count:)`; `TableError.vocabulary`.
  public static func named(_ choice: String, count: Int) throws(TableError) -> [String] {
    guard let vocabulary = ClassVocabulary(rawValue: choice), !FileManager.default.fileExists(atPath: choice) else {
      return try read(choice, count: count)
    }
    guard vocabulary.names.count == count else {
      throw .vocabulary(name: choice, found: vocabulary.names.count, expected: count)
    }
    return vocabulary.names
  }

  /// The names in a file, by class number.
  ///
  /// - Parameter count: the number of classes of the model.
  /// - Throws: `TableError` if the file cannot be read, lacks a column, or does not have every class once.
  public static func read(_ path: String, count: Int) throws(TableError) -> [String] {
    try names(in: records(path), path, count: count)
  }

  /// The names in a file, by class number, each with its identifier of column `mid`.
  ///
  /// - Throws: as `read(_:count:)`.
  static func identified(_ path: String) throws(TableError) -> [(identifier: String, name: String)] {
    let records = try records(path)
    let names = try names(in: records, path, count: max(0, records.count - 1))
    let header = records.first?.fields ?? []
    guard let number = header.firstIndex(of: "index"), let identifier = header.firstIndex(of: "mid") else {
      throw .malformed(
        file: path, line: records.first?.line ?? 1,
        finding: "the first line is '\(header.joined(separator: ","))', expected index,mid,display_name")
    }
    var identifiers = names
    for record in records.dropFirst() {
      // Every number is there once: `names(in:_:count:)` checks it.
      if let place = Int(record.fields[number]) { identifiers[place] = record.fields[identifier] }
    }
    return zip(identifiers, names).map { (identifier: $0, name: $1) }
  }

  private static func records(_ path: String) throws(TableError) -> [CSV.Record] {
    try CSV.records(TableText.read(path, limit: TableText.mostClassBytes), file: path)
  }

  private static func names(in records: [CSV.Record], _ path: String, count: Int) throws(TableError) -> [String] {
    let header = records.first?.fields ?? []
    guard let index = header.firstIndex(of: "index"), let name = header.firstIndex(of: "display_name") else {
      throw .malformed(
        file: path, line: records.first?.line ?? 1,
        finding: "the first line is '\(header.joined(separator: ","))', expected index,mid,display_name")
    }
    var labels = [String?](repeating: nil, count: count)
    for record in records.dropFirst() {
      func malformed(_ finding: String) -> TableError { .malformed(file: path, line: record.line, finding: finding) }
      let fields = record.fields
      guard fields.count == header.count else {
        throw malformed("\(fields.count) columns, expected \(header.count) as in the first line")
      }
      guard let number = Int(fields[index]), labels.indices.contains(number) else {
        throw malformed("'\(CSV.line(fields))' does not name one of the model's classes, 0...\(count - 1)")
      }
      guard labels[number] == nil else { throw malformed("names class \(number) twice") }
      guard !fields[name].isEmpty else { throw malformed("class \(number) has no name") }
      labels[number] = fields[name]
    }
    var names: [String] = []
    for (number, label) in labels.enumerated() {
      guard let label else {
        throw .malformed(
          file: path, line: nil,
          finding: "does not name class \(number); the model has \(count), the file \(records.count - 1)")
      }
      names.append(label)
    }
    return names
  }
}
