/// A file of cases: words of 8 bytes, little endian. A case is its operation, a count of integers and these, a count of
/// arrays and these, each its count of bytes and its bytes, to whole words. Tests/KernelsTests/Arm64CaseTests.swift
/// writes them, the driver here reads them.
struct CaseReader {
  private let base: UnsafeRawPointer
  private let end: Int
  private var place = 0

  init(base: UnsafeRawPointer, count: Int) {
    self.base = base
    end = count
  }

  struct Case {
    let operation: Int
    let integers: [Int]
    let arrays: [UnsafeRawPointer]
    let counts: [Int]

    func floats(_ index: Int) -> UnsafePointer<Float> { arrays[index].assumingMemoryBound(to: Float.self) }
    /// What the results have to be, and by how much they may differ: the last two arrays.
    var expected: UnsafePointer<Double> { arrays[arrays.count - 2].assumingMemoryBound(to: Double.self) }
    var bounds: UnsafePointer<Double> { arrays[arrays.count - 1].assumingMemoryBound(to: Double.self) }
    var resultCount: Int { counts[counts.count - 1] / 8 }
  }

  private mutating func word() -> Int {
    defer { place += 8 }
    return base.load(fromByteOffset: place, as: Int.self)
  }

  mutating func next() -> Case? {
    guard place < end else { return nil }
    let operation = word()
    let integers = (0..<word()).map { _ in word() }
    var (arrays, counts): ([UnsafeRawPointer], [Int]) = ([], [])
    for _ in 0..<word() {
      let count = word()
      arrays.append(base + place)
      counts.append(count)
      place += (count + 7) / 8 * 8
    }
    return Case(operation: operation, integers: integers, arrays: arrays, counts: counts)
  }
}
