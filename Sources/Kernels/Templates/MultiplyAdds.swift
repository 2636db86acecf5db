/// Independent chains of `multiplyAdds`. Two fused ones a cycle of 4 cycles' latency keep 8 busy, two separate ones of
/// 3 + 3 cycles 12; with the operands they fit into 16 registers.
@inlinable @inline(__always)
public var multiplyAddChains: Int { 12 }

/// `steps` multiply-adds on each of 12 vectors that stay in registers: the processor's limit for what kernels of a
/// format are made of.
///
///     operands (2, lanes)   words a and b
///     sums (12, lanes)      contiguous, read and written once;  sum = sum + a b
///
/// Operations: `steps` x 12 x lanes x perWord x 2. The vectors have names because an array of them would be one more
/// outlined initialiser that two instruction sets' modules could share.
@inlinable @inline(__always)
public func multiplyAdds<F: TileFormat>(
  _: F.Type, steps: Int, operands: UnsafeRawPointer, sums: UnsafeMutableRawPointer
) {
  let bytes = F.I.lanes * 4
  let x = operands.loadUnaligned(as: F.Lanes.self)
  let y = operands.loadUnaligned(fromByteOffset: bytes, as: F.Lanes.self)
  var a = sums.loadUnaligned(fromByteOffset: 0 * bytes, as: F.Sum.self)
  var b = sums.loadUnaligned(fromByteOffset: 1 * bytes, as: F.Sum.self)
  var c = sums.loadUnaligned(fromByteOffset: 2 * bytes, as: F.Sum.self)
  var d = sums.loadUnaligned(fromByteOffset: 3 * bytes, as: F.Sum.self)
  var e = sums.loadUnaligned(fromByteOffset: 4 * bytes, as: F.Sum.self)
  var f = sums.loadUnaligned(fromByteOffset: 5 * bytes, as: F.Sum.self)
  var g = sums.loadUnaligned(fromByteOffset: 6 * bytes, as: F.Sum.self)
  var h = sums.loadUnaligned(fromByteOffset: 7 * bytes, as: F.Sum.self)
  var i = sums.loadUnaligned(fromByteOffset: 8 * bytes, as: F.Sum.self)
  var j = sums.loadUnaligned(fromByteOffset: 9 * bytes, as: F.Sum.self)
  var k = sums.loadUnaligned(fromByteOffset: 10 * bytes, as: F.Sum.self)
  var l = sums.loadUnaligned(fromByteOffset: 11 * bytes, as: F.Sum.self)
  var step = 0
  while step < steps {
    a = F.multiplyAdd(a, x, y)
    b = F.multiplyAdd(b, x, y)
    c = F.multiplyAdd(c, x, y)
    d = F.multiplyAdd(d, x, y)
    e = F.multiplyAdd(e, x, y)
    f = F.multiplyAdd(f, x, y)
    g = F.multiplyAdd(g, x, y)
    h = F.multiplyAdd(h, x, y)
    i = F.multiplyAdd(i, x, y)
    j = F.multiplyAdd(j, x, y)
    k = F.multiplyAdd(k, x, y)
    l = F.multiplyAdd(l, x, y)
    step += 1
  }
  sums.storeBytes(of: a, toByteOffset: 0 * bytes, as: F.Sum.self)
  sums.storeBytes(of: b, toByteOffset: 1 * bytes, as: F.Sum.self)
  sums.storeBytes(of: c, toByteOffset: 2 * bytes, as: F.Sum.self)
  sums.storeBytes(of: d, toByteOffset: 3 * bytes, as: F.Sum.self)
  sums.storeBytes(of: e, toByteOffset: 4 * bytes, as: F.Sum.self)
  sums.storeBytes(of: f, toByteOffset: 5 * bytes, as: F.Sum.self)
  sums.storeBytes(of: g, toByteOffset: 6 * bytes, as: F.Sum.self)
  sums.storeBytes(of: h, toByteOffset: 7 * bytes, as: F.Sum.self)
  sums.storeBytes(of: i, toByteOffset: 8 * bytes, as: F.Sum.self)
  sums.storeBytes(of: j, toByteOffset: 9 * bytes, as: F.Sum.self)
  sums.storeBytes(of: k, toByteOffset: 10 * bytes, as: F.Sum.self)
  sums.storeBytes(of: l, toByteOffset: 11 * bytes, as: F.Sum.self)
}
