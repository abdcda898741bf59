/* SPDX-License-Identifier: BSD-3-Clause */
/* Text for people at a terminal: escaped, in columns, as wide as the terminal. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Whether standard output is a terminal. */
gboolean cepa_ctl_is_terminal (void);

/* Columns of that terminal; 0 when it is none: nothing is cut then. */
guint cepa_ctl_width (void);

/**
 * cepa_ctl_escape:
 * @text: from anywhere
 *
 * Returns: (transfer full): @text without anything that a terminal could take for a command or that has no picture of
 * its own: such characters are "\u{202e}", bytes that are no UTF-8 "\xff". Where the locale has no UTF-8, all that is
 * not ASCII.
 */
char *cepa_ctl_escape (const char *text);

/* Returns: (transfer full): "3 min ago"; @age_s: seconds, below 0 where a clock was set. */
char *cepa_ctl_ago (gint64 age_s);

/* Returns: (transfer full): "3 min", "2 h", "5 days". */
char *cepa_ctl_duration (gint64 seconds);

/* Returns: (transfer full): "1.2 MiB". */
char *cepa_ctl_bytes (guint64 n);

/* Returns: (transfer full): "[#####-----]  50 %", @width characters between the brackets. */
char *cepa_ctl_bar (guint percent, guint width);

/* Prints, and in a locale without UTF-8 what can be printed there. */
void cepa_ctl_print (const char *format, ...) G_GNUC_PRINTF (1, 2);

/* Rows of cells, printed with a heading, each column as wide as its widest cell. */
typedef struct _CepaCtlTable CepaCtlTable;

/* @headings: separated by "|"; one that begins with ">" is of a column of numbers. */
CepaCtlTable *cepa_ctl_table_new (const char *headings);
void cepa_ctl_table_free (CepaCtlTable *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaCtlTable, cepa_ctl_table_free)

/* @cell: (transfer full): the next one; escaped here. */
void cepa_ctl_table_add (CepaCtlTable *self, char *cell);

/* On a terminal, lines are cut at its width. */
void cepa_ctl_table_print (const CepaCtlTable *self);

G_END_DECLS
