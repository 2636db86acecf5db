// What m2pt.h promises: usage: check MODEL AUXILIARY FILE OUTPUT PARTS MUG. Ends with 0 where all of it holds.
#include <m2pt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                                               \
  do {                                                                                                                 \
    if (!(condition)) {                                                                                                \
      fprintf(stderr, "c_library.c:%d: %s: %s\n", __LINE__, #condition, m2pt_error_text());                            \
      exit(1);                                                                                                         \
    }                                                                                                                  \
  } while (0)

enum { classes = 10, callers = 8, rounds = 20 };
static m2pt_model *model;
static const char *file;
static float expected[2][classes];

static int stop(double share, void *calls) {
  (void)share;
  return ++*(int *)calls == 2;
}

/// Classifies while another thread changes lambda: every answer is one of the two models'.
static void *classify(void *unused) {
  float scores[classes];
  for (int round = 0; round < rounds; round++) {
    CHECK(m2pt_classify_file(model, file, scores, classes) == M2PT_OK);
    CHECK(memcmp(scores, expected[0], sizeof scores) == 0 || memcmp(scores, expected[1], sizeof scores) == 0);
  }
  return unused;
}

/// A thread's error is its own.
static void *fail(void *unused) {
  CHECK(strlen(m2pt_error_text()) == 0);
  CHECK(m2pt_set_scale(model, 7, NULL, 0) == M2PT_MODEL);
  CHECK(strcmp(m2pt_error_code(), "pathway.no-such-auxiliary") == 0);
  return unused;
}

static void *bytes_of(const char *path, size_t *size) {
  FILE *stream = fopen(path, "rb");
  CHECK(stream && fseek(stream, 0, SEEK_END) == 0);
  *size = (size_t)ftell(stream);
  rewind(stream);
  void *bytes = malloc(*size);
  CHECK(fread(bytes, 1, *size, stream) == *size);
  fclose(stream);
  return bytes;
}

/// Parts of a mug of 512 points, of which the last 128 are the handle (Tests/Embedding/make_media.py).
static void segment(const char *model_path, const char *mug) {
  enum { points = 512, body = 384 };
  m2pt_model *parts_model;
  CHECK(m2pt_load(model_path, NULL, &parts_model) == M2PT_OK);
  m2pt_description description = M2PT_DESCRIPTION_INIT;
  CHECK(m2pt_describe(parts_model, &description) == M2PT_OK && strcmp(description.modality, "points") == 0);
  CHECK(description.class_count == 4 && description.category_count == 2);
  CHECK(strcmp(m2pt_class_name(parts_model, 1), "handle") == 0);
  CHECK(strcmp(m2pt_category_name(parts_model, 0), "mug") == 0 && m2pt_category_name(parts_model, 2) == NULL);

  size_t count = 0;
  CHECK(m2pt_segment_file(parts_model, mug, NULL, NULL, NULL, &count) == M2PT_OK && count == points);
  int32_t parts[points + 1], others[points], category = -1;
  float probabilities[points], chances[points];
  parts[0] = parts[points] = 77;
  count = points - 1;
  CHECK(m2pt_segment_file(parts_model, mug, &category, parts, NULL, &count) == M2PT_ARGUMENT);
  CHECK(count == points - 1 && category == -1 && parts[0] == 77);
  count = points + 1;
  CHECK(m2pt_segment_file(parts_model, mug, &category, parts, probabilities, &count) == M2PT_OK);
  CHECK(count == points && category == 0 && parts[points] == 77);
  int right = 0;
  for (int i = 0; i < points; i++) {
    right += parts[i] == (i < body ? 0 : 1);
    CHECK((parts[i] == 0 || parts[i] == 1) && probabilities[i] >= 0.5F && probabilities[i] <= 1);
  }
  CHECK(right > points * 9 / 10);

  // Of a known category, in memory, with one of the two answers.
  size_t size;
  void *bytes = bytes_of(mug, &size);
  CHECK(m2pt_segment_data(parts_model, bytes, size, NULL, &category, others, NULL, &count) == M2PT_OK);
  CHECK(memcmp(parts, others, sizeof others) == 0);
  CHECK(m2pt_segment_data(parts_model, bytes, size, NULL, NULL, NULL, chances, &count) == M2PT_OK);
  CHECK(memcmp(probabilities, chances, sizeof chances) == 0);
  category = 1;
  CHECK(m2pt_segment_file(parts_model, mug, &category, others, NULL, &count) == M2PT_OK && category == 1);
  for (int i = 0; i < points; i++)
    CHECK(others[i] == 2 || others[i] == 3);

  // What cannot be.
  CHECK(m2pt_segment_data(parts_model, bytes, size / 2, "half.ply", NULL, others, NULL, &count) == M2PT_FILE);
  CHECK(strstr(m2pt_error_text(), "half.ply") != NULL);
  CHECK(m2pt_segment_file(parts_model, file, NULL, NULL, NULL, &count) == M2PT_FILE); // a picture
  CHECK(m2pt_segment_file(parts_model, mug, NULL, others, NULL, NULL) == M2PT_ARGUMENT);
  CHECK(m2pt_segment_file(parts_model, NULL, NULL, others, NULL, &count) == M2PT_ARGUMENT);
  category = 2;
  CHECK(m2pt_segment_file(parts_model, mug, &category, others, NULL, &count) == M2PT_ARGUMENT);
  CHECK(m2pt_segment_file(model, mug, NULL, others, NULL, &count) == M2PT_MODEL); // a model of pictures
  CHECK(strcmp(m2pt_error_code(), "data.answers-whole") == 0);
  float scores[4];
  CHECK(m2pt_classify_file(parts_model, mug, scores, 4) == M2PT_MODEL);
  free(bytes);
  m2pt_free(parts_model);
}

int main(int argc, char **argv) {
  CHECK(argc == 7);
  file = argv[3];
  // What cannot be.
  CHECK(m2pt_load("/nowhere", NULL, &model) != M2PT_OK && model == NULL && strlen(m2pt_error_text()) > 0);
  CHECK(m2pt_load(NULL, NULL, &model) == M2PT_ARGUMENT && strcmp(m2pt_error_code(), "argument") == 0);
  CHECK(m2pt_load(argv[1], NULL, NULL) == M2PT_ARGUMENT);
  m2pt_options options = M2PT_OPTIONS_INIT;
  options.size = sizeof options + 1;
  CHECK(m2pt_load(argv[1], &options, &model) == M2PT_ARGUMENT);
  options.size = sizeof options;
  options.precision = "float16";
  CHECK(m2pt_load(argv[1], &options, &model) == M2PT_ARGUMENT);
  options.precision = NULL;
  options.threads = 4096;
  CHECK(m2pt_load(argv[1], &options, &model) == M2PT_SYSTEM);
  options.threads = 2;
  int calls = 0;
  options.progress = stop;
  options.context = &calls;
  CHECK(m2pt_load(argv[1], &options, &model) == M2PT_CANCELLED && model == NULL && calls == 2);
  // Of an earlier header, without callbacks.
  options.size = offsetof(m2pt_options, progress);
  CHECK(m2pt_load(argv[1], &options, &model) == M2PT_OK && calls == 2);

  m2pt_description description = M2PT_DESCRIPTION_INIT;
  CHECK(m2pt_describe(model, &description) == M2PT_OK);
  CHECK(strcmp(description.modality, "image") == 0 && description.class_count == classes && description.rank == 3);
  CHECK(description.input_count == description.shape[0] * description.shape[1] * description.shape[2]);
  CHECK(description.auxiliary_count == 0 && description.logit_count == classes);
  CHECK(strcmp(m2pt_class_name(model, 9), "9") == 0 && m2pt_class_name(model, 10) == NULL);

  float scores[classes], again[classes];
  CHECK(m2pt_classify_file(model, file, scores, classes - 1) == M2PT_ARGUMENT);
  CHECK(m2pt_classify_file(model, "/nowhere.png", scores, classes) == M2PT_FILE);
  CHECK(m2pt_classify_file(model, file, scores, classes) == M2PT_OK);
  size_t size;
  void *bytes = bytes_of(file, &size);
  CHECK(m2pt_classify_data(model, bytes, size, NULL, again, classes) == M2PT_OK);
  CHECK(memcmp(scores, again, sizeof scores) == 0);
  CHECK(m2pt_classify_data(model, bytes, size / 2, "half.png", again, classes) == M2PT_FILE);
  CHECK(strstr(m2pt_error_text(), "half.png") != NULL);
  float sum = 0;
  for (int i = 0; i < classes; i++)
    sum += scores[i];
  CHECK(sum > 0.9999F && sum < 1.0001F);

  float *features = malloc(description.feature_count * sizeof *features);
  float *others = malloc(description.feature_count * sizeof *others);
  CHECK(m2pt_features_file(model, file, features, description.feature_count) == M2PT_OK);
  CHECK(m2pt_features_data(model, bytes, size, "x", others, description.feature_count) == M2PT_OK);
  CHECK(memcmp(features, others, description.feature_count * sizeof *features) == 0);
  float *inputs = calloc(2 * description.input_count, sizeof *inputs);
  float logits[2 * classes];
  CHECK(m2pt_logits(model, inputs, 2, logits, 2 * classes) == M2PT_OK);
  CHECK(memcmp(logits, logits + classes, sizeof logits / 2) == 0);
  CHECK(m2pt_logits(model, inputs, 0, logits, 0) == M2PT_ARGUMENT);

  CHECK(description.category_count == 0 && m2pt_category_name(model, 0) == NULL);
  segment(argv[5], argv[6]);

  // Pathways.
  float scale;
  CHECK(m2pt_attach(model, "/nowhere", NULL) != M2PT_OK);
  CHECK(m2pt_attach(model, argv[2], NULL) == M2PT_OK && m2pt_describe(model, &description) == M2PT_OK);
  CHECK(description.auxiliary_count == 1);
  CHECK(m2pt_classify_file(model, file, again, classes) == M2PT_OK && memcmp(scores, again, sizeof scores) == 0);
  CHECK(m2pt_set_scale(model, 0, NULL, 0.5F) == M2PT_OK);
  CHECK(m2pt_set_scale(model, 0, "blocks.1.mlp.fc1", 0.25F) == M2PT_OK);
  CHECK(m2pt_scale(model, 0, "blocks.1.mlp.fc1", &scale) == M2PT_OK && scale == 0.25F);
  CHECK(m2pt_scale(model, 0, "blocks.1.mlp.fc2", &scale) == M2PT_OK && scale == 0.5F);
  CHECK(m2pt_set_scale(model, 0, "blocks.99.mlp.fc1", 1) == M2PT_MODEL);
  CHECK(m2pt_classify_file(model, file, again, classes) == M2PT_OK && memcmp(scores, again, sizeof scores) != 0);
  CHECK(m2pt_merge(model, argv[4]) == M2PT_OK);
  CHECK(m2pt_merge(model, argv[1]) != M2PT_OK);

  // Changes while others read.
  const float scales[2] = {0, 0.5F};
  for (int i = 0; i < 2; i++) {
    CHECK(m2pt_set_scale(model, 0, NULL, scales[i]) == M2PT_OK);
    CHECK(m2pt_classify_file(model, file, expected[i], classes) == M2PT_OK);
  }
  pthread_t threads[callers];
  for (int i = 0; i < callers; i++)
    CHECK(pthread_create(&threads[i], NULL, classify, NULL) == 0);
  for (int i = 0; i < rounds; i++)
    CHECK(m2pt_set_scale(model, 0, NULL, scales[i % 2]) == M2PT_OK);
  for (int i = 0; i < callers; i++)
    CHECK(pthread_join(threads[i], NULL) == 0);
  pthread_t other;
  CHECK(pthread_create(&other, NULL, fail, NULL) == 0 && pthread_join(other, NULL) == 0);

  CHECK(m2pt_detach(model, 0) == M2PT_OK && m2pt_detach(model, 0) == M2PT_MODEL);
  CHECK(m2pt_classify_file(model, file, again, classes) == M2PT_OK && memcmp(scores, again, sizeof scores) == 0);
  m2pt_free(model);
  m2pt_free(NULL);
  free(bytes);
  free(features);
  free(others);
  free(inputs);
  return 0;
}
