/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/text.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

gboolean
cepa_ctl_is_terminal (void)
{
  return isatty (STDOUT_FILENO);
}

guint
cepa_ctl_width (void)
{
  struct winsize size = { 0 };

  if (!cepa_ctl_is_terminal ())
    return 0;
  if (ioctl (STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    return size.ws_col;
  return 80;
}

char *
cepa_ctl_escape (const char *text)
{
  GString *out = g_string_new (NULL);
  gboolean has_utf8 = g_get_charset (NULL);

  for (const char *p = text; *p != '\0';)
    {
      gunichar c = g_utf8_get_char_validated (p, -1);

      if (c == (gunichar) -1 || c == (gunichar) -2)
        {
          g_string_append_printf (out, "\\x%02x", (guint8) *p++);
          continue;
        }
      /* A blank that is none of ASCII's looks like one that is. */
      if (c == ' ' || (g_unichar_isprint (c) && !g_unichar_isspace (c) && (c < 0x80 || has_utf8)))
        g_string_append_unichar (out, c);
      else
        g_string_append_printf (out, "\\u{%x}", c);
      p = g_utf8_next_char (p);
    }
  return g_string_free (out, FALSE);
}

char *
cepa_ctl_duration (gint64 seconds)
{
  static const struct
  {
    gint64 from, unit;
    const char *name;
  } steps[] = { { 2 * 86400, 86400, "days" }, { 2 * 3600, 3600, "h" }, { 120, 60, "min" }, { G_MININT64, 1, "s" } };
  guint i = 0;

  while (seconds < steps[i].from)
    i++;
  return g_strdup_printf ("%" G_GINT64_FORMAT " %s", MAX (seconds, 0) / steps[i].unit, steps[i].name);
}

char *
cepa_ctl_ago (gint64 age_s)
{
  g_autofree char *duration = cepa_ctl_duration (age_s);

  return age_s < 1 ? g_strdup ("just now") : g_strconcat (duration, " ago", NULL);
}

char *
cepa_ctl_bytes (guint64 n)
{
  static const char units[] = "KMGTPE";
  double value = (double) n / 1024;
  guint i = 0;

  if (n < 1024)
    return g_strdup_printf ("%" G_GUINT64_FORMAT " B", n);
  for (; value >= 1023.95 && units[i + 1] != '\0'; i++)
    value /= 1024;
  return g_strdup_printf ("%.1f %ciB", value, units[i]);
}

char *
cepa_ctl_bar (guint percent, guint width)
{
  guint done = MIN (percent, 100) * width / 100;
  g_autofree char *full = g_strnfill (done, '#');
  g_autofree char *rest = g_strnfill (width - done, '-');

  return g_strdup_printf ("[%s%s] %3u %%", full, rest, percent);
}

void
cepa_ctl_print (const char *format, ...)
{
  va_list args;

  va_start (args, format);
  vprintf (format, args);
  va_end (args);
}

struct _CepaCtlTable
{
  char **headings;
  guint n_columns;
  GPtrArray *cells; /* of char * */
};

CepaCtlTable *
cepa_ctl_table_new (const char *headings)
{
  CepaCtlTable *self = g_new0 (CepaCtlTable, 1);

  self->headings = g_strsplit (headings, "|", -1);
  self->n_columns = g_strv_length (self->headings);
  self->cells = g_ptr_array_new_with_free_func (g_free);
  return self;
}

void
cepa_ctl_table_free (CepaCtlTable *self)
{
  g_strfreev (self->headings);
  g_ptr_array_unref (self->cells);
  g_free (self);
}

void
cepa_ctl_table_add (CepaCtlTable *self, char *cell)
{
  g_ptr_array_add (self->cells, cepa_ctl_escape (cell));
  g_free (cell);
}

/* Columns that @c takes. */
static guint
table_char_width (gunichar c)
{
  return g_unichar_iszerowidth (c) ? 0 : g_unichar_iswide (c) ? 2 : 1;
}

static guint
table_text_width (const char *text)
{
  guint width = 0;

  for (const char *p = text; *p != '\0'; p = g_utf8_next_char (p))
    width += table_char_width (g_utf8_get_char (p));
  return width;
}

/* Prints @line, no wider than @max unless that is 0. */
static void
table_print_line (const char *line, guint max)
{
  const char *p = line;
  guint width = 0;

  if (max == 0 || table_text_width (line) <= max)
    {
      cepa_ctl_print ("%s\n", line);
      return;
    }
  for (; width + table_char_width (g_utf8_get_char (p)) + 3 <= max; p = g_utf8_next_char (p))
    width += table_char_width (g_utf8_get_char (p));
  cepa_ctl_print ("%.*s...\n", (int) (p - line), line);
}

static void
table_append (GString *line, const char *cell, gboolean is_number, guint width, gboolean is_last)
{
  guint own = table_text_width (cell);
  g_autofree char *fill = g_strnfill (width - own, ' ');

  if (is_number)
    g_string_append_printf (line, "%s%s", fill, cell);
  else
    g_string_append_printf (line, "%s%s", cell, is_last ? "" : fill);
  if (!is_last)
    g_string_append (line, "  ");
}

void
cepa_ctl_table_print (const CepaCtlTable *self)
{
  guint n_rows = self->cells->len / self->n_columns;
  g_autofree guint *widths = g_new0 (guint, self->n_columns);
  guint terminal = cepa_ctl_width ();

  for (guint column = 0; column < self->n_columns; column++)
    {
      widths[column] = table_text_width (self->headings[column] + (self->headings[column][0] == '>'));
      for (guint row = 0; row < n_rows; row++)
        widths[column] = MAX (widths[column],
                              table_text_width (self->cells->pdata[row * self->n_columns + column]));
    }
  for (guint row = 0; row <= n_rows; row++)
    {
      g_autoptr (GString) line = g_string_new (NULL);

      for (guint column = 0; column < self->n_columns; column++)
        {
          const char *heading = self->headings[column];
          gboolean is_number = heading[0] == '>';
          const char *cell = row == 0 ? heading + is_number : self->cells->pdata[(row - 1) * self->n_columns + column];

          table_append (line, cell, is_number, widths[column], column + 1 == self->n_columns);
        }
      while (line->len > 0 && line->str[line->len - 1] == ' ')
        g_string_truncate (line, line->len - 1);
      table_print_line (line->str, terminal);
    }
}
