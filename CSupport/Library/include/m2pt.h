/// Multimodal Pathway as a C library: vision transformers of pictures, sound, videos and point clouds, and their
/// pathways, on CPUs.
///
///     m2pt_model *model;
///     if (m2pt_load("model", NULL, &model) != M2PT_OK) { fprintf(stderr, "%s\n", m2pt_error_text()); return 1; }
///     float scores[1000];
///     if (m2pt_classify_file(model, "photo.jpg", scores, 1000) != M2PT_OK) ...
///     m2pt_free(model);
///
/// Every function may be called by any thread at any time, several with one model: each call has memory of its own, and
/// a call sees the pathways before or after a change, never a mixture. `m2pt_free` is called once, when no other call
/// with the model runs. Callbacks are called by the thread that made the call, except notes, which come from any.
///
/// Functions return M2PT_OK or why they failed; `m2pt_error_text` then says what was found, what was expected and what
/// to do. Text is UTF-8. Nothing is written to outputs by a call that fails. No function ends the process or throws.
///
/// Structures of options begin with their size, which M2PT_..._INIT sets: a later library takes those of an earlier
/// header. Functions and their meaning are stable within a major version, the number in the library's soname.
#ifndef M2PT_H
#define M2PT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Whether a call did what it was asked to, or the kind of reason why not.
typedef enum m2pt_status {
  M2PT_OK = 0,
  /// An argument that cannot be: a null pointer, a size, a name.
  M2PT_ARGUMENT = 1,
  /// A file that cannot be read or written, or is not what it should be.
  M2PT_FILE = 2,
  /// A model, an auxiliary or scales that do not fit each other, or a question that the model does not answer.
  M2PT_MODEL = 3,
  /// Memory that the system does not have.
  M2PT_MEMORY = 4,
  /// Threads or an instruction set that the system does not have.
  M2PT_SYSTEM = 5,
  /// A callback asked to stop.
  M2PT_CANCELLED = 6,
  /// Anything else.
  M2PT_OTHER = 7
} m2pt_status;

/// A loaded model and its pathways.
typedef struct m2pt_model m2pt_model;

/// What was found, what was expected and what to do, on one line, of the last call of this thread that failed. Valid
/// until the thread's next call.
const char *m2pt_error_text(void);

/// A stable identifier of that error, such as "checkpoint.unreadable"; "argument" for M2PT_ARGUMENT.
const char *m2pt_error_code(void);

/// The version of the library, such as "0.1.0".
const char *m2pt_version(void);

/// Receives the share of a model that is loaded, 0 to 1. Another result than 0 ends loading with M2PT_CANCELLED.
typedef int (*m2pt_progress)(double share, void *context);

/// Receives a note on a file: a choice between two readings.
typedef void (*m2pt_note)(const char *text, void *context);

/// How a model is loaded. Zero and NULL are the defaults.
typedef struct m2pt_options {
  size_t size;
  /// Threads of every pass; 0: what the environment and the process's limits say.
  int32_t threads;
  /// Not 0: sound of another rate than the model's is resampled; otherwise it is an error.
  int32_t resamples;
  /// timm's name of a model without config.json.
  const char *architecture;
  /// "float32", "bfloat16" or "int8".
  const char *precision;
  /// "merged", "folded" or "two-branch".
  const char *execution;
  m2pt_progress progress;
  m2pt_note note;
  /// Given to the callbacks.
  void *context;
} m2pt_options;
#define M2PT_OPTIONS_INIT {sizeof(m2pt_options), 0, 0, 0, 0, 0, 0, 0, 0}

/// Loads a model: a directory with config.json, or a file of weights.
///
/// - options: NULL for the defaults.
/// - model: gets the model, which the caller frees; NULL where the call fails.
m2pt_status m2pt_load(const char *path, const m2pt_options *options, m2pt_model **model);

/// Frees a model; NULL is ignored.
void m2pt_free(m2pt_model *model);

/// What a model reads and answers.
typedef struct m2pt_description {
  size_t size;
  /// "image", "video", "audio" or "points"; lives as long as the model.
  const char *modality;
  /// Classes of an answer, or parts that points belong to; 0: the model has no head.
  size_t class_count;
  /// Floats of one input, (3, H, W), (3, T, H, W), (1, frames, bins) or (points, 3).
  size_t input_count;
  /// Floats that m2pt_logits writes for one input.
  size_t logit_count;
  /// Floats that m2pt_features writes for one file.
  size_t feature_count;
  /// Extents of an input, `rank` of them.
  size_t rank;
  size_t shape[4];
  /// Auxiliaries that are attached.
  size_t auxiliary_count;
  /// Categories of objects whose parts the model names; 0: it answers for whole inputs.
  size_t category_count;
} m2pt_description;
#define M2PT_DESCRIPTION_INIT {sizeof(m2pt_description), 0, 0, 0, 0, 0, 0, {0, 0, 0, 0}, 0, 0}

/// - description: gets as much as its `size` has room for.
m2pt_status m2pt_describe(const m2pt_model *model, m2pt_description *description);

/// The name of a class, or of a part; NULL where the model has no names, or not that class. Lives as long as the model.
const char *m2pt_class_name(const m2pt_model *model, size_t index);

/// The name of a category of objects; NULL where the model has not that category. Lives as long as the model.
const char *m2pt_category_name(const m2pt_model *model, size_t index);

/// How an auxiliary is attached. Zero and NULL are the defaults.
typedef struct m2pt_attachment {
  size_t size;
  /// lambda of every joined layer that `scales` does not name.
  float scale;
  /// Not 0: the auxiliary's biases are combined with the model's.
  int32_t combines_biases;
  /// A JSON file of scales by layer.
  const char *scales;
  /// Pairs of blocks, "0:0,3:1"; "identity" or "reversed".
  const char *block_map;
} m2pt_attachment;
#define M2PT_ATTACHMENT_INIT {sizeof(m2pt_attachment), 0, 0, 0, 0}

/// Attaches an auxiliary, W + lambda W' in the joined layers; its number is that of those attached before.
///
/// - attachment: NULL for the defaults, by which nothing changes: scales are 0.
m2pt_status m2pt_attach(m2pt_model *model, const char *path, const m2pt_attachment *attachment);

/// Removes an auxiliary; those after it move down by one.
m2pt_status m2pt_detach(m2pt_model *model, size_t auxiliary);

/// Sets lambda.
///
/// - layer: a layer, "blocks.0.attn.qkv", or a kind of layer, "attn.qkv"; NULL for all that the auxiliary joins.
m2pt_status m2pt_set_scale(m2pt_model *model, size_t auxiliary, const char *layer, float scale);

/// Reads lambda of a layer.
m2pt_status m2pt_scale(const m2pt_model *model, size_t auxiliary, const char *layer, float *scale);

/// Writes the model with its pathways merged, float32, to a safetensors file that timm loads.
m2pt_status m2pt_merge(const m2pt_model *model, const char *path);

/// Scores of a file for the classes: probabilities by softmax, or of each class by itself (sigmoid), or the values of a
/// regression; means over the file's views.
///
/// - scores: `count` floats, as many as the model has classes.
m2pt_status m2pt_classify_file(const m2pt_model *model, const char *path, float *scores, size_t count);

/// The same of a file in memory, of `size` bytes.
///
/// - name: of the file, in errors; NULL: "data".
m2pt_status m2pt_classify_data(
    const m2pt_model *model, const void *data, size_t size, const char *name, float *scores, size_t count);

/// Pooled features of a file, means over its views: `count` floats, the description's `feature_count`.
m2pt_status m2pt_features_file(const m2pt_model *model, const char *path, float *features, size_t count);

/// The same of a file in memory.
m2pt_status m2pt_features_data(
    const m2pt_model *model, const void *data, size_t size, const char *name, float *features, size_t count);

/// The part that every point of a file belongs to: points in the file's order; of a mesh, points of its surface, the same
/// in every call.
///
///     size_t count;
///     m2pt_segment_file(model, "chair.ply", NULL, NULL, NULL, &count);
///     int32_t *parts = malloc(count * sizeof *parts), category = -1;
///     m2pt_segment_file(model, "chair.ply", &category, parts, NULL, &count);
///
/// - category: the object's; -1: all are tried, a pass each, and the one with the most certain answers is used. Gets
///   the category that was used. NULL: -1.
/// - parts: gets a class for each point, whose name is that of m2pt_class_name; NULL: not wanted.
/// - probabilities: gets that of each point's part among the parts of the category; NULL: not wanted. Where neither is
///   wanted, the points are counted, without a pass.
/// - count: the points that `parts` and `probabilities` have room for; gets those of the file.
m2pt_status m2pt_segment_file(
    const m2pt_model *model, const char *path, int32_t *category, int32_t *parts, float *probabilities, size_t *count);

/// The same of a file in memory.
m2pt_status m2pt_segment_data(
    const m2pt_model *model, const void *data, size_t size, const char *name, int32_t *category, int32_t *parts,
    float *probabilities, size_t *count);

/// A pass over normalised inputs, (batch, ...), `batch` times the description's `input_count` floats.
///
/// - logits: `count` floats, `batch` times `logit_count`.
m2pt_status m2pt_logits(const m2pt_model *model, const float *inputs, size_t batch, float *logits, size_t count);

#ifdef __cplusplus
}
#endif
#endif
