import MultimodalPathway

/// Training spectrograms, varied as AudioMAE (Huang et al. 2022) and AST (Gong et al. 2021) do, in their order: a band
/// of mel bins and a stretch of frames are masked (SpecAugment, Park et al. 2019), noise is added, and all is moved in
/// time. A pure function of a window and a random stream.
///
/// Masked values are 0 before normalisation, as those of frames of padding. That is not the mean, which is 0 after
/// normalisation.
package struct SoundAugmentation: Sendable {
  /// Frames and bins of a window.
  package let frames: Int
  package let bins: Int
  /// Whether a window is (bins, frames) and not (frames, bins).
  package let isTransposed: Bool
  /// What masked values become.
  package let fill: Float
  /// The largest share of bins, and of frames, that are masked; 0: none.
  package let frequencyMask: Double
  package let timeMask: Double
  /// The largest amplitude of the noise; 0: neither noise nor movement.
  package let noise: Double
  /// Frames that a window is moved by: from -10 to 9, as in AST.
  private static let movement = -10..<10

  package init(
    frames: Int, bins: Int, isTransposed: Bool = false, fill: Float, frequencyMask: Double = 0, timeMask: Double = 0,
    noise: Double = 0
  ) {
    (self.frames, self.bins, self.isTransposed, self.fill) = (frames, bins, isTransposed, fill)
    (self.frequencyMask, self.timeMask, self.noise) = (frequencyMask, timeMask, noise)
  }

  init(_ preprocessor: AudioPreprocessor, _ recipe: Recipe) {
    let sound = preprocessor.recipe
    self.init(
      frames: preprocessor.frames, bins: preprocessor.bank.bins, isTransposed: sound.layout == .melFirst,
      fill: (0 - sound.mean) / (sound.std * 2), frequencyMask: recipe.frequencyMask, timeMask: recipe.timeMask,
      noise: recipe.noise)
  }

  /// A part of an axis: its length is uniform below `share` of the axis, then its place is uniform where it fits
  /// (torchaudio's `mask_along_axis`).
  package static func mask(_ length: Int, largest share: Double, _ random: inout RandomStream) -> Range<Int> {
    let width = random.unit() * share * Double(length)
    let start = Int(random.unit() * (Double(length) - width))
    return start..<start + Int(width)
  }

  /// Varies a window's normalised values in place.
  package func callAsFunction(_ values: UnsafeMutableBufferPointer<Float>, _ random: inout RandomStream) {
    if frequencyMask > 0 { cover(values, 0..<frames, Self.mask(bins, largest: frequencyMask, &random)) }
    if timeMask > 0 { cover(values, Self.mask(frames, largest: timeMask, &random), 0..<bins) }
    guard noise > 0 else { return }
    let amplitude = random.unit() * noise
    for index in values.indices { values[index] += Float(random.unit() * amplitude) }
    let movement = Self.movement
    move(values, by: movement.lowerBound + random.index(below: movement.count))
  }

  private func place(_ frame: Int, _ bin: Int) -> Int { isTransposed ? bin * frames + frame : frame * bins + bin }

  private func cover(_ values: UnsafeMutableBufferPointer<Float>, _ rows: Range<Int>, _ columns: Range<Int>) {
    for frame in rows {
      for bin in columns { values[place(frame, bin)] = fill }
    }
  }

  /// Moves all frames; those that leave at one end come in at the other.
  private func move(_ values: UnsafeMutableBufferPointer<Float>, by distance: Int) {
    let before = Array(values)
    for frame in 0..<frames {
      let to = ((frame + distance) % frames + frames) % frames
      for bin in 0..<bins { values[place(to, bin)] = before[place(frame, bin)] }
    }
  }
}
