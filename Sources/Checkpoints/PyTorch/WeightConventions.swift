extension WeightCandidates {
  /// Conventions of training code for its keys.
  struct Conventions {
    /// MMEngine exchanges the two when it saves: `state_dict` is averaged, `ema_state_dict` is the trained model
    /// (mmengine/hooks/ema_hook.py, `_swap_ema_state_dict`).
    private let isMMEngine: Bool
    /// DINO and iBOT: the teacher is the average of the student, used in evaluation (`--checkpoint_key teacher`).
    private let isSelfDistilled: Bool
    /// I-JEPA: timm and transformers use `encoder`, although `target_encoder` is its average.
    private let isPredictive: Bool

    init(_ pickle: Pickle, _ root: Int) {
      var keys = Set<String>()
      for (key, value) in pickle.dictionaries[root].prefix(1000) {
        guard case .text(let range) = key, range.count <= 64 else { continue }
        keys.insert(pickle.string(range))
        guard pickle.isText(key, "meta"), case .dictionary(let meta) = value else { continue }
        if pickle.dictionaries[meta].prefix(100).contains(where: { pickle.isText($0.key, "mmengine_version") }) {
          keys.insert("message_hub")
        }
      }
      isMMEngine = keys.isSuperset(of: ["message_hub", "state_dict", "ema_state_dict"])
      isSelfDistilled = keys.isSuperset(of: ["student", "teacher"]) && keys.contains { $0.hasSuffix("_loss") }
      isPredictive = keys.isSuperset(of: ["encoder", "predictor", "target_encoder"])
    }

    /// The rank of the dictionary under a key; never `top`.
    func kind(of key: String, atTop: Bool) -> Rank {
      if atTop {
        if isMMEngine, key == "state_dict" { return .averaged }
        if isMMEngine, key == "ema_state_dict" { return .other }
        if isSelfDistilled, key == "teacher" { return .averaged }
        if isPredictive, key == "encoder" { return .model }
      }
      let lower = key.lowercased()
      if Self.states.contains(lower) || Self.stateBeginnings.contains(where: lower.hasPrefix)
        || lower.contains("optim") || lower.hasSuffix("_loss")
      {
        return .never
      }
      let words = lower.split { "_-.".contains($0) }
      if words.contains(where: Self.averages.contains) || Self.averagedModels.contains(lower) { return .averaged }
      return StateDictionary.wrappers.contains(key) ? .model : .other
    }

    /// The index of the preferred path of several of one rank; nil if no convention decides.
    func preferred(among paths: [String]) -> Int? {
      // timm's load_state_dict; the loaders of MAE and VideoMAE.
      for order in [["state_dict_ema", "model_ema"], ["model", "module"]] where Set(paths) == Set(order) {
        return paths.firstIndex(of: order[0])
      }
      return nil
    }

    /// The reason for a choice that may surprise; nil for others.
    func reason(_ path: String) -> String? {
      if isMMEngine, path == "state_dict" { return "MMEngine saves the average there" }
      if isSelfDistilled, path == "teacher" { return "as DINO's evaluation does" }
      if isPredictive, path == "encoder" { return "as timm and transformers do" }
      return path == "state_dict_ema" || path == "model_ema" ? "as timm does" : nil
    }

    private static let averages: Set<Substring> = ["ema", "swa", "averaged"]
    private static let averagedModels: Set = ["avg_model", "model_avg", "average_model"]
    private static let stateBeginnings = ["lr_sched", "scheduler", "param_sched", "rng", "random_state"]
    private static let states: Set = [
      "opt", "sched", "scaler", "grad_scaler", "loss_scaler", "amp", "amp_scaler", "loss", "callbacks", "loops",
      "hyper_parameters", "datamodule_hyper_parameters", "hparams", "args", "config", "cfg", "meta", "message_hub",
      "metrics", "best_metrics", "history", "mixedprecisionplugin", "nativemixedprecisionplugin",
    ]
  }
}
