/// Counts the points of each part of an object.
///
///     cc segment.c $(pkg-config --cflags --libs m2pt) -o segment
///     ./segment MODEL FILE...
#include <m2pt.h>
#include <stdio.h>
#include <stdlib.h>

static int failed(const char *what) {
  fprintf(stderr, "%s: %s (%s)\n", what, m2pt_error_text(), m2pt_error_code());
  return 1;
}

static int print_parts(const m2pt_model *model, const char *file, size_t classes) {
  size_t count;
  if (m2pt_segment_file(model, file, NULL, NULL, NULL, &count) != M2PT_OK)
    return failed(file);
  int32_t *parts = malloc(count * sizeof *parts);
  size_t *points = calloc(classes, sizeof *points);
  int32_t category = -1; // find out
  int status = 0;
  if (m2pt_segment_file(model, file, &category, parts, NULL, &count) != M2PT_OK) {
    status = failed(file);
  } else {
    printf("%s: %s, %zu points\n", file, m2pt_category_name(model, (size_t)category), count);
    for (size_t i = 0; i < count; i++)
      points[parts[i]]++;
    for (size_t part = 0; part < classes; part++) {
      const char *name = m2pt_class_name(model, part);
      if (points[part] > 0)
        printf("  %s: %zu\n", name ? name : "unnamed", points[part]);
    }
  }
  free(parts);
  free(points);
  return status;
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: segment MODEL FILE...\n");
    return 64;
  }
  m2pt_model *model;
  if (m2pt_load(argv[1], NULL, &model) != M2PT_OK)
    return failed(argv[1]);
  m2pt_description description = M2PT_DESCRIPTION_INIT;
  int status = 0;
  if (m2pt_describe(model, &description) != M2PT_OK)
    status = failed("describe");
  for (int i = 2; i < argc && status == 0; i++)
    status = print_parts(model, argv[i], description.class_count);
  m2pt_free(model);
  return status;
}
