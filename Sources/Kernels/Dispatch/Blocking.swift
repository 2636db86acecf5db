import PathwayKernelTemplates

/// How a product C = A B is cut (GEMM.swift). A panel is walked in pieces of `kBlock` words of K, by each of which pass
/// `rowBlock` rows, a tile at a time. In every format a word has 4 bytes. What is read again, by whom, and its share of
/// the core's second-level cache, of S bytes:
///
///     panel piece   kBlock x NR x 4     the next tile of rows    1/8
///     sums          rowBlock x NR x 4   the next piece of K      at most 1/8: 32 KiB of 256 KiB, with NR = 32
///     rows of A     rowBlock x K x 4    the next panel           the rest, 3/4; what is more streams from beyond
///
/// kBlock = S / 8 / (4 NR), in words:
///
///     S         256 KiB   512 KiB   1 MiB   1.25 MiB   2 MiB
///     NR =  8    1024      2048      4096     5120      8192
///     NR = 16     512      1024      2048     2560      4096
///     NR = 32     256       512      1024     1280      2048
///
/// The first level has no say: all that a tile of 12 x 32 asks for is 176 bytes in 24 cycles, which the second gives,
/// while every cut takes a tile's sums out and back. ViT-B/16 (K = 768 and 3072; float32, batch 8, avx512, Zen 4) took
/// 7 % longer with kBlock = 128, a piece in half of L1, than with 768; 3 % with 384, 2 % with 512; as long with 1024.
///
/// `rowBlock` is 256 for all, of which K = 768 has 3/4 MiB: a panel comes from beyond this cache once for every block
/// of rows. With 128 rows the same model took 3 % longer, with 48 5 %; as long with 384, and with 800, whose A is more
/// than twice the cache.
///
/// While a panel is computed, the thread's next one is fetched into this cache, a few lines with every stretch of a
/// tile. Without that, the first tile waits for a panel from memory. ViT-B/16 takes 0.86 of the time in float32 and 0.89
/// in int8 at batch 1, 0.95 and 0.97 at batch 8 (Intel family 6 model 207, L2 of 2 MiB). Fetching the whole panel with
/// one tile gains nothing: the requests wait for buffers. Processors with up to 1 MiB fetch nothing ahead, because it has
/// not been measured there.
///
/// Neither size changes a bit of a result: bits do not depend on the machine's caches. Blocks of attention's keys
/// would; they have one size everywhere (`attentionKeyBlock`).
package struct Blocking: Sendable, Equatable, Encodable {
  /// Words of K a pass covers.
  package var kBlock: Int
  /// Most rows of C that an item of work covers; a thread's scratch holds that many rows of sums.
  package var rowBlock = 256
  /// Whether the next panel is fetched into the second level while one is computed.
  package var fetchesPanels = false

  package init(kBlock: Int, rowBlock: Int, fetchesPanels: Bool = false) {
    self.kBlock = kBlock
    self.rowBlock = rowBlock
    self.fetchesPanels = fetchesPanels
  }

  /// - Parameter bytes: of the second-level cache. What is not told, 0, counts as 1 MiB: it is servers that hide behind
  ///   virtual machines. Sizes beyond 256 KiB to 4 MiB count as the nearer of these.
  package init(secondLevel bytes: Int, panelColumns: Int) {
    let size = bytes > 0 ? min(max(bytes, 256 << 10), 4 << 20) : 1 << 20
    kBlock = size / 8 / (4 * panelColumns)
    fetchesPanels = size > 1 << 20
  }

  /// For the caches of this processor.
  static func here(panelColumns: Int) -> Blocking {
    Blocking(secondLevel: Cache.all.first { $0.level == 2 }?.bytes ?? 0, panelColumns: panelColumns)
  }
}

extension KernelTable {
  package var blocking: Blocking {
    get { Blocking(kBlock: kBlock, rowBlock: rowBlock, fetchesPanels: fetchesPanels) }
    set { (kBlock, rowBlock, fetchesPanels) = (newValue.kBlock, newValue.rowBlock, newValue.fetchesPanels) }
  }
}
