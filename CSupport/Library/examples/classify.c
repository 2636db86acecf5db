/// Names what files show, joins an auxiliary, and changes lambda.
///
///     cc classify.c $(pkg-config --cflags --libs m2pt) -o classify
///     ./classify MODEL AUXILIARY SCALE FILE...
#include <m2pt.h>
#include <stdio.h>
#include <stdlib.h>

static int failed(const char *what) {
  fprintf(stderr, "%s: %s (%s)\n", what, m2pt_error_text(), m2pt_error_code());
  return 1;
}

static int print_progress(double share, void *context) {
  (void)context;
  fprintf(stderr, "\rloading %3.0f %%%s", 100 * share, share == 1 ? "\n" : "");
  return 0; // go on
}

static int print_best(const m2pt_model *model, const char *file, float *scores, size_t count) {
  if (m2pt_classify_file(model, file, scores, count) != M2PT_OK)
    return failed(file);
  size_t best = 0;
  for (size_t i = 1; i < count; i++)
    if (scores[i] > scores[best])
      best = i;
  const char *name = m2pt_class_name(model, best);
  printf("%s: %s %.4f\n", file, name ? name : "unnamed", scores[best]);
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 5) {
    fprintf(stderr, "usage: classify MODEL AUXILIARY SCALE FILE...\n");
    return 64;
  }
  m2pt_options options = M2PT_OPTIONS_INIT;
  options.progress = print_progress;
  m2pt_model *model;
  if (m2pt_load(argv[1], &options, &model) != M2PT_OK)
    return failed(argv[1]);

  m2pt_description description = M2PT_DESCRIPTION_INIT;
  m2pt_attachment attachment = M2PT_ATTACHMENT_INIT;
  attachment.scale = strtof(argv[3], 0);
  int status = 0;
  if (m2pt_describe(model, &description) != M2PT_OK)
    status = failed("describe");
  float *scores = malloc(description.class_count * sizeof *scores);
  for (int i = 4; i < argc && status == 0; i++)
    status = print_best(model, argv[i], scores, description.class_count);
  if (status == 0 && m2pt_attach(model, argv[2], &attachment) != M2PT_OK)
    status = failed(argv[2]);
  for (int i = 4; i < argc && status == 0; i++)
    status = print_best(model, argv[i], scores, description.class_count);
  free(scores);
  m2pt_free(model);
  return status;
}
