/// Independent chains of `multiplyAdds`. Two fused ones a cycle of 4 cycles' latency keep 8 busy, two separate ones of
/// 3 + 3 cycles 12; with the constant they fit into 16 registers.
@inlinable @inline(__always)
public var multiplyAddChains: Int { 12 }

/// `steps` multiply-adds on each of 12 vectors that stay in registers: the processor's limit for what kernels are made
/// of.
///
///     sums (12, lanes)   contiguous, read and written once;  sum = 1/2 + sum / 2, which stays finite
///
/// Operations: `steps` x 12 x lanes x 2. The vectors have names because an array of them would be one more outlined
/// initialiser that two instruction sets' modules could share.
@inlinable @inline(__always)
public func multiplyAdds<I: ISA>(_: I.Type, steps: Int, sums: UnsafeMutablePointer<Float>) {
  let width = I.lanes
  let half = I.splat(0.5)
  var (a, b) = (I.load(sums + 0 * width), I.load(sums + 1 * width))
  var (c, d) = (I.load(sums + 2 * width), I.load(sums + 3 * width))
  var (e, f) = (I.load(sums + 4 * width), I.load(sums + 5 * width))
  var (g, h) = (I.load(sums + 6 * width), I.load(sums + 7 * width))
  var (i, j) = (I.load(sums + 8 * width), I.load(sums + 9 * width))
  var (k, l) = (I.load(sums + 10 * width), I.load(sums + 11 * width))
  var step = 0
  while step < steps {
    a = I.multiplyAdd(half, a, half)
    b = I.multiplyAdd(half, b, half)
    c = I.multiplyAdd(half, c, half)
    d = I.multiplyAdd(half, d, half)
    e = I.multiplyAdd(half, e, half)
    f = I.multiplyAdd(half, f, half)
    g = I.multiplyAdd(half, g, half)
    h = I.multiplyAdd(half, h, half)
    i = I.multiplyAdd(half, i, half)
    j = I.multiplyAdd(half, j, half)
    k = I.multiplyAdd(half, k, half)
    l = I.multiplyAdd(half, l, half)
    step += 1
  }
  I.store(a, sums + 0 * width)
  I.store(b, sums + 1 * width)
  I.store(c, sums + 2 * width)
  I.store(d, sums + 3 * width)
  I.store(e, sums + 4 * width)
  I.store(f, sums + 5 * width)
  I.store(g, sums + 6 * width)
  I.store(h, sums + 7 * width)
  I.store(i, sums + 8 * width)
  I.store(j, sums + 9 * width)
  I.store(k, sums + 10 * width)
  I.store(l, sums + 11 * width)
}
