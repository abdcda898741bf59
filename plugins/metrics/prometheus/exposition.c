/* SPDX-License-Identifier: BSD-3-Clause */
#include "exposition.h"

#include <math.h>
#include <string.h>

void
cepa_prometheus_text_init (CepaPrometheusText *self)
{
  self->text = g_string_new (NULL);
  self->family = NULL;
}

void
cepa_prometheus_text_clear (CepaPrometheusText *self)
{
  g_string_free (g_steal_pointer (&self->text), TRUE);
  g_clear_pointer (&self->family, g_free);
}

static gboolean
text_is_name (const char *name)
{
  if (g_ascii_isdigit (name[0]) || name[0] == '\0')
    return FALSE;
  for (; *name != '\0'; name++)
    if (!g_ascii_isalnum (*name) && *name != '_' && *name != ':')
      return FALSE;
  return TRUE;
}

/* The shortest text that reads back as the same number. */
static void
text_append_number (GString *text, double value)
{
  char digits[G_ASCII_DTOSTR_BUF_SIZE];
  static const char *const formats[] = { "%.15g", "%.16g", "%.17g" };

  if (isnan (value) || isinf (value))
    {
      g_string_append (text, isnan (value) ? "NaN" : value > 0 ? "+Inf" : "-Inf");
      return;
    }
  for (guint i = 0; i < G_N_ELEMENTS (formats); i++)
    {
      g_ascii_formatd (digits, sizeof digits, formats[i], value);
      if (g_ascii_strtod (digits, NULL) == value)
        break;
    }
  g_string_append (text, digits);
}

static void
text_append_help (GString *text, const char *help)
{
  for (; *help != '\0'; help++)
    if (*help == '\\' || *help == '\n')
      g_string_append (text, *help == '\n' ? "\\n" : "\\\\");
    else
      g_string_append_c (text, *help);
}

static void
text_begin_family (CepaPrometheusText *self, const CepaMetric *metric)
{
  static const char *const types[] = { "counter", "gauge", "histogram" };

  if (g_strcmp0 (self->family, metric->name) == 0)
    return;
  g_free (self->family);
  self->family = g_strdup (metric->name);
  g_string_append_printf (self->text, "# HELP %s ", metric->name);
  text_append_help (self->text, metric->help);
  g_string_append_printf (self->text, "\n# TYPE %s %s\n", metric->name, types[metric->type]);
}

/* "name_suffix{labels,more} value\n" */
static void
text_append_sample (CepaPrometheusText *self, const CepaMetric *metric, const char *suffix, const char *more,
                    double value)
{
  gboolean has_labels = metric->labels[0] != '\0';

  g_string_append_printf (self->text, "%s%s", metric->name, suffix);
  if (has_labels || more[0] != '\0')
    g_string_append_printf (self->text, "{%s%s%s}", metric->labels, has_labels && more[0] != '\0' ? "," : "", more);
  g_string_append_c (self->text, ' ');
  text_append_number (self->text, value);
  g_string_append_c (self->text, '\n');
}

static void
text_append_histogram (CepaPrometheusText *self, const CepaMetric *metric)
{
  g_autoptr (GString) bound = g_string_new (NULL);

  for (guint i = 0; i < metric->n_buckets; i++)
    {
      g_string_assign (bound, "le=\"");
      text_append_number (bound, metric->bounds[i]);
      g_string_append_c (bound, '"');
      text_append_sample (self, metric, "_bucket", bound->str, (double) metric->counts[i]);
    }
  text_append_sample (self, metric, "_bucket", "le=\"+Inf\"", (double) metric->count);
  text_append_sample (self, metric, "_sum", "", metric->value);
  text_append_sample (self, metric, "_count", "", (double) metric->count);
}

void
cepa_prometheus_text_add (void *user_data, const CepaMetric *metric)
{
  CepaPrometheusText *self = user_data;

  if (!text_is_name (metric->name) || metric->type > CEPA_METRIC_HISTOGRAM)
    return;
  text_begin_family (self, metric);
  if (metric->type == CEPA_METRIC_HISTOGRAM)
    text_append_histogram (self, metric);
  else
    text_append_sample (self, metric, "", "", metric->value);
}
