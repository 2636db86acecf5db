extension StoredArchive {
  /// Drops, repeats or swaps an entry, or changes its name or content by `change`.
  ///
  /// - Parameter change: returns other bytes, at most the number that it is given.
  mutating func mutate(limit: Int, random: inout SplitMix, change: (ArraySlice<UInt8>, _ limit: Int) -> [UInt8]) {
    guard let index = entries.indices.randomElement(using: &random) else { return }
    switch random.next() % 8 {
    case 0: entries.remove(at: index)
    case 1: entries.insert(entries[index], at: entries.indices.randomElement(using: &random) ?? 0)
    case 2: entries.swapAt(index, entries.indices.randomElement(using: &random) ?? 0)
    case 3: entries[index].name = change(entries[index].name[...], min(limit, entries[index].name.count + 64))
    default: entries[index].content = change(entries[index].content[...], limit)
    }
  }
}
