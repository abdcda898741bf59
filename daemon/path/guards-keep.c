/* SPDX-License-Identifier: BSD-3-Clause */
/* Guards to what is kept between runs and back, and out of C Tor's state file (guard-spec A.5). */
#include "base/encoding.h"
#include "base/error.h"
#include "path/guards-private.h"

#define KEEP_VERSION 1
#define KEEP_MAX_COUNT 1e9 /* C Tor's limit for path-bias counts */

/* Path-bias counts, under C Tor's names without "pb_". */
static const struct
{
  const char *name;
  gsize offset;
} keep_counts[] = {
  { "use_attempts", G_STRUCT_OFFSET (CepaPathBias, use_attempts) },
  { "use_successes", G_STRUCT_OFFSET (CepaPathBias, use_successes) },
  { "circ_attempts", G_STRUCT_OFFSET (CepaPathBias, circ_attempts) },
  { "circ_successes", G_STRUCT_OFFSET (CepaPathBias, circ_successes) },
  { "successful_circuits_closed", G_STRUCT_OFFSET (CepaPathBias, circuits_closed) },
  { "collapsed_circuits", G_STRUCT_OFFSET (CepaPathBias, collapsed_circuits) },
  { "unusable_circuits", G_STRUCT_OFFSET (CepaPathBias, unusable_circuits) },
  { "timeouts", G_STRUCT_OFFSET (CepaPathBias, timeouts) },
};

/* What a guard's entry may hold; other members are kept as they are. */
static const char *const keep_members[] = {
  "selection", "rsa_id", "nickname", "bridge_address", "sampled_on", "sampled_by", "unlisted_since", "listed",
  "confirmed_on", "confirmed_index", "path_bias", NULL,
};

static void
keep_add_text (GVariantBuilder *out, const char *name, const char *text)
{
  if (text != NULL && text[0] != '\0')
    g_variant_builder_add (out, "{sv}", name, g_variant_new_string (text));
}

static void
keep_add_date (GVariantBuilder *out, const char *name, gint64 date_s)
{
  g_autoptr (GDateTime) date = date_s > 0 ? g_date_time_new_from_unix_utc (date_s) : NULL;
  g_autofree char *text = date != NULL ? g_date_time_format_iso8601 (date) : NULL;

  keep_add_text (out, name, text);
}

/* As C Tor does: what is open now counts as good, in case we do not live to see. */
static GVariant *
keep_bias_to_variant (const CepaPathBias *bias)
{
  CepaPathBias copy = *bias;
  GVariantBuilder out;

  for (guint stage = CEPA_PATH_BIAS_BUILD_SUCCEEDED; stage <= CEPA_PATH_BIAS_USE_SUCCEEDED; stage++)
    copy.circuits_closed += bias->open[stage];
  copy.use_successes += bias->open[CEPA_PATH_BIAS_USE_ATTEMPTED] + bias->open[CEPA_PATH_BIAS_USE_SUCCEEDED];
  g_variant_builder_init (&out, G_VARIANT_TYPE_VARDICT);
  for (guint i = 0; i < G_N_ELEMENTS (keep_counts); i++)
    {
      double count = G_STRUCT_MEMBER (double, &copy, keep_counts[i].offset);

      if (count > 0)
        g_variant_builder_add (&out, "{sv}", keep_counts[i].name, g_variant_new_double (count));
    }
  return g_variant_builder_end (&out);
}

/* Members in one order always: the same guards are the same bytes. */
static GVariant *
keep_guard_to_variant (const Guard *guard)
{
  g_autofree char *hex = cepa_hex_encode (guard->rsa_id, sizeof guard->rsa_id);
  GVariantBuilder out;

  g_variant_builder_init (&out, G_VARIANT_TYPE_VARDICT);
  keep_add_text (&out, "selection", cepa_guards_selection_to_string (guard->set->kind));
  keep_add_text (&out, "rsa_id", hex);
  keep_add_text (&out, "nickname", guard->nickname);
  keep_add_text (&out, "bridge_address", guard->bridge_address);
  keep_add_date (&out, "sampled_on", guard->sampled_on_s);
  keep_add_text (&out, "sampled_by", guard->sampled_by);
  keep_add_date (&out, "unlisted_since", guard->unlisted_since_s);
  g_variant_builder_add (&out, "{sv}", "listed", g_variant_new_boolean (guard->is_listed));
  keep_add_date (&out, "confirmed_on", guard->confirmed_on_s);
  if (guard->confirmed_index >= 0)
    g_variant_builder_add (&out, "{sv}", "confirmed_index", g_variant_new_int64 (guard->confirmed_index));
  g_variant_builder_add (&out, "{sv}", "path_bias", keep_bias_to_variant (&guard->bias));
  for (gsize i = 0; guard->extra != NULL && i < g_variant_n_children (guard->extra); i++)
    {
      g_autoptr (GVariant) member = g_variant_get_child_value (guard->extra, i);

      g_variant_builder_add_value (&out, member);
    }
  return g_variant_builder_end (&out);
}

GVariant *
cepa_guards_to_variant (CepaGuards *self)
{
  GVariantBuilder guards, out;

  g_variant_builder_init (&guards, G_VARIANT_TYPE ("av"));
  for (guint i = 0; i < CEPA_N_GUARDS_SELECTIONS; i++)
    for (guint j = 0; j < self->sets[i].sampled->len; j++)
      g_variant_builder_add (&guards, "v", keep_guard_to_variant (g_ptr_array_index (self->sets[i].sampled, j)));
  g_variant_builder_init (&out, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&out, "{sv}", "version", g_variant_new_int64 (KEEP_VERSION));
  g_variant_builder_add (&out, "{sv}", "guards", g_variant_builder_end (&guards));
  return g_variant_builder_end (&out);
}

/* ---- and back ---- */

/* A guard that has been read. */
typedef struct
{
  CepaGuardsSelection kind;
  guint8 rsa_id[20];
  char nickname[20], bridge_address[56];
  char *sampled_by;
  GVariant *extra;
  gint64 sampled_on_s, unlisted_since_s, confirmed_on_s;
  gint64 sampled_index, confirmed_index;
  gboolean is_listed;
  CepaPathBias bias;
} Kept;

static void
kept_clear (gpointer data)
{
  Kept *kept = data;

  g_free (kept->sampled_by);
  g_clear_pointer (&kept->extra, g_variant_unref);
}

static gboolean
keep_parse_selection (const char *text, CepaGuardsSelection *kind)
{
  for (guint i = 0; i < CEPA_N_GUARDS_SELECTIONS; i++)
    if (strcmp (text, cepa_guards_selection_to_string ((CepaGuardsSelection) i)) == 0)
      {
        *kind = (CepaGuardsSelection) i;
        return TRUE;
      }
  return FALSE;
}

/* dir-spec: 1 to 19 letters and digits. */
static gboolean
keep_is_nickname (const char *text)
{
  gsize len = strspn (text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");

  return len >= 1 && len <= 19 && text[len] == '\0';
}

static gboolean
keep_is_plain (const char *text, gsize most)
{
  gsize len = 0;

  while (text[len] > ' ' && text[len] < 127)
    len++;
  return len >= 1 && len <= most && text[len] == '\0';
}

/* "2026-11-29T19:39:31", with or without Z. A date to come is taken for now. */
static gboolean
keep_parse_date (const char *text, gint64 now_s, gint64 *date_s)
{
  g_autoptr (GTimeZone) utc = g_time_zone_new_utc ();
  g_autoptr (GDateTime) date = NULL;

  if (strlen (text) < 19 || strlen (text) > 32 || text[10] != 'T')
    return FALSE;
  date = g_date_time_new_from_iso8601 (text, utc);
  if (date == NULL || g_date_time_to_unix (date) <= 0)
    return FALSE;
  *date_s = MIN (g_date_time_to_unix (date), MAX (now_s, 1));
  return TRUE;
}

static gint
kept_compare (gconstpointer a, gconstpointer b)
{
  const Kept *x = a, *y = b;

  return (x->sampled_index > y->sampled_index) - (x->sampled_index < y->sampled_index);
}

/* In place of the guards that there are. @kept: in the order of sampling */
static void
keep_install (CepaGuards *self, GArray *kept)
{
  for (guint i = 0; i < CEPA_N_GUARDS_SELECTIONS; i++)
    cepa_guard_set_clear (self, &self->sets[i]);
  for (guint i = 0; i < kept->len; i++)
    {
      Kept *one = &g_array_index (kept, Kept, i);
      Guard *guard = cepa_guard_set_add (&self->sets[one->kind], one->rsa_id);

      memcpy (guard->nickname, one->nickname, sizeof guard->nickname);
      memcpy (guard->bridge_address, one->bridge_address, sizeof guard->bridge_address);
      guard->sampled_by = g_steal_pointer (&one->sampled_by);
      guard->extra = g_steal_pointer (&one->extra);
      guard->sampled_on_s = one->sampled_on_s;
      guard->is_listed = one->is_listed;
      guard->unlisted_since_s = one->is_listed ? 0 : MAX (one->unlisted_since_s, 1);
      guard->confirmed_on_s = one->confirmed_index >= 0 ? one->confirmed_on_s : 0;
      guard->confirmed_index = one->confirmed_index >= 0 ? (gint) MIN (one->confirmed_index, G_MAXINT) : -1;
      guard->bias = one->bias;
    }
  for (guint i = 0; i < CEPA_N_GUARDS_SELECTIONS; i++)
    cepa_guard_set_sort_confirmed (&self->sets[i]);
  cepa_guards_choose_set (self);
  cepa_guards_refresh (self);
}

static gboolean
keep_has (const GArray *kept, const Kept *one)
{
  for (guint i = 0; i < kept->len; i++)
    {
      const Kept *other = &g_array_index (kept, Kept, i);

      if (other->kind == one->kind && memcmp (other->rsa_id, one->rsa_id, sizeof one->rsa_id) == 0)
        return TRUE;
    }
  return FALSE;
}

/* The number @name, whichever of its types JSON made of it. */
static gboolean
keep_lookup_number (GVariant *dict, const char *name, double *number)
{
  g_autoptr (GVariant) value = g_variant_lookup_value (dict, name, NULL);

  if (value == NULL)
    return FALSE;
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_INT64))
    *number = (double) g_variant_get_int64 (value);
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_DOUBLE))
    *number = g_variant_get_double (value);
  else
    return FALSE;
  return TRUE;
}

static gboolean
keep_read_bias (GVariant *entry, CepaPathBias *bias)
{
  g_autoptr (GVariant) counts = g_variant_lookup_value (entry, "path_bias", G_VARIANT_TYPE_VARDICT);

  for (guint i = 0; counts != NULL && i < G_N_ELEMENTS (keep_counts); i++)
    {
      double number = 0;
      g_autoptr (GVariant) there = g_variant_lookup_value (counts, keep_counts[i].name, NULL);

      if (there != NULL
          && (!keep_lookup_number (counts, keep_counts[i].name, &number) || !(number >= 0 && number <= KEEP_MAX_COUNT)))
        return FALSE;
      G_STRUCT_MEMBER (double, bias, keep_counts[i].offset) = number;
    }
  return TRUE;
}

/* What this version does not know of @entry, to be written again. */
static GVariant *
keep_dup_extra (GVariant *entry)
{
  GVariantBuilder out;
  GVariant *extra;

  g_variant_builder_init (&out, G_VARIANT_TYPE_VARDICT);
  for (gsize i = 0; i < g_variant_n_children (entry); i++)
    {
      g_autoptr (GVariant) member = g_variant_get_child_value (entry, i);
      const char *name;

      g_variant_get_child (member, 0, "&s", &name);
      if (!g_strv_contains (keep_members, name))
        g_variant_builder_add_value (&out, member);
    }
  extra = g_variant_ref_sink (g_variant_builder_end (&out));
  if (g_variant_n_children (extra) == 0)
    g_clear_pointer (&extra, g_variant_unref);
  return extra;
}

static gboolean
keep_read_date (GVariant *entry, const char *name, gint64 now_s, gint64 *date_s)
{
  const char *text;

  return !g_variant_lookup (entry, name, "&s", &text) || keep_parse_date (text, now_s, date_s);
}

/* Returns: what is wrong, NULL: nothing. @kept may be filled in part. */
static const char *
keep_read_entry (GVariant *entry, gint64 now_s, Kept *kept)
{
  const char *text;
  double index;

  if (!g_variant_lookup (entry, "selection", "&s", &text) || !keep_parse_selection (text, &kept->kind))
    return "selection";
  if (!g_variant_lookup (entry, "rsa_id", "&s", &text) || !cepa_hex_decode (text, strlen (text), kept->rsa_id, 20))
    return "rsa_id";
  if (g_variant_lookup (entry, "nickname", "&s", &text))
    {
      if (!keep_is_nickname (text))
        return "nickname";
      g_strlcpy (kept->nickname, text, sizeof kept->nickname);
    }
  if (g_variant_lookup (entry, "bridge_address", "&s", &text))
    {
      if (!keep_is_plain (text, sizeof kept->bridge_address - 1))
        return "bridge_address";
      g_strlcpy (kept->bridge_address, text, sizeof kept->bridge_address);
    }
  if (!g_variant_lookup (entry, "listed", "b", &kept->is_listed))
    return "listed";
  if (!keep_read_date (entry, "sampled_on", now_s, &kept->sampled_on_s) || kept->sampled_on_s == 0)
    return "sampled_on";
  if (!keep_read_date (entry, "unlisted_since", now_s, &kept->unlisted_since_s))
    return "unlisted_since";
  if (!keep_read_date (entry, "confirmed_on", now_s, &kept->confirmed_on_s))
    return "confirmed_on";
  kept->confirmed_index = -1;
  if (keep_lookup_number (entry, "confirmed_index", &index))
    {
      if (!(index >= 0 && index < GUARDS_MAX) || kept->confirmed_on_s == 0)
        return "confirmed_index";
      kept->confirmed_index = (gint64) index;
    }
  if (!keep_read_bias (entry, &kept->bias))
    return "path_bias";
  if (g_variant_lookup (entry, "sampled_by", "&s", &text) && keep_is_plain (text, 64))
    kept->sampled_by = g_strdup (text);
  kept->extra = keep_dup_extra (entry);
  return NULL;
}

gboolean
cepa_guards_from_variant (CepaGuards *self, GVariant *variant, GError **error)
{
  gint64 now_s = cepa_clock_wall_s (self->clock);
  g_autoptr (GVariant) list = NULL;
  g_autoptr (GArray) kept = g_array_new (FALSE, TRUE, sizeof (Kept));
  double version;

  g_array_set_clear_func (kept, kept_clear);
  if (!g_variant_is_of_type (variant, G_VARIANT_TYPE_VARDICT) || !keep_lookup_number (variant, "version", &version)
      || version != KEEP_VERSION
      || (list = g_variant_lookup_value (variant, "guards", G_VARIANT_TYPE ("av"))) == NULL)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_FILE, "guards: not in the form that this version writes");
      return FALSE;
    }
  if (g_variant_n_children (list) > GUARDS_MAX)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_FILE, "guards: more than %d", GUARDS_MAX);
      return FALSE;
    }
  for (gsize i = 0; i < g_variant_n_children (list); i++)
    {
      g_autoptr (GVariant) boxed = g_variant_get_child_value (list, i);
      g_autoptr (GVariant) entry = g_variant_get_variant (boxed);
      Kept one = { .sampled_index = (gint64) i };
      const char *wrong = g_variant_is_of_type (entry, G_VARIANT_TYPE_VARDICT) ? keep_read_entry (entry, now_s, &one)
                                                                               : "entry";

      if (wrong == NULL && keep_has (kept, &one))
        wrong = "rsa_id, which is there twice";
      g_array_append_val (kept, one); /* it is freed with the array in any case */
      if (wrong != NULL)
        {
          g_set_error (error, CEPA_ERROR, CEPA_ERROR_FILE, "guards: entry %" G_GSIZE_FORMAT ": bad %s", i + 1, wrong);
          return FALSE;
        }
    }
  keep_install (self, kept);
  return TRUE;
}

/* ---- C Tor's state file ---- */

#define KEEP_MAX_LINE 8192
/* Where a guard of an old C Tor goes that has neither index. */
#define KEEP_LAST_INDEX G_MAXINT32

static gboolean
keep_read_tor_index (const char *text, gint64 *index)
{
  guint64 value;

  if (!g_ascii_string_to_unsigned (text, 10, 0, G_MAXINT32 - 1, &value, NULL))
    return FALSE;
  *index = (gint64) value;
  return TRUE;
}

/* @text: of a "pb_" field, whose name without that is @name. Unknown ones are let be. */
static gboolean
keep_read_tor_count (const char *name, const char *text, CepaPathBias *bias)
{
  for (guint i = 0; i < G_N_ELEMENTS (keep_counts); i++)
    if (strcmp (name, keep_counts[i].name) == 0)
      {
        char *end;
        double number = g_ascii_strtod (text, &end);

        if (end == text || *end != '\0' || !(number >= 0 && number <= KEEP_MAX_COUNT))
          return FALSE;
        G_STRUCT_MEMBER (double, bias, keep_counts[i].offset) = number;
      }
  return TRUE;
}

/* A field of a Guard line; unknown ones are let be. */
static gboolean
keep_read_tor_field (const char *name, const char *text, gint64 now_s, Kept *kept)
{
  if (strcmp (name, "rsa_id") == 0)
    return cepa_hex_decode (text, strlen (text), kept->rsa_id, sizeof kept->rsa_id);
  if (strcmp (name, "nickname") == 0)
    {
      /* C Tor writes the fingerprint where it knows no name. */
      if (keep_is_nickname (text))
        g_strlcpy (kept->nickname, text, sizeof kept->nickname);
      return TRUE;
    }
  if (strcmp (name, "bridge_addr") == 0)
    return keep_is_plain (text, sizeof kept->bridge_address - 1)
           && g_strlcpy (kept->bridge_address, text, sizeof kept->bridge_address) > 0;
  if (strcmp (name, "sampled_on") == 0)
    return keep_parse_date (text, now_s, &kept->sampled_on_s);
  if (strcmp (name, "unlisted_since") == 0)
    return keep_parse_date (text, now_s, &kept->unlisted_since_s);
  if (strcmp (name, "confirmed_on") == 0)
    return keep_parse_date (text, now_s, &kept->confirmed_on_s);
  if (strcmp (name, "sampled_idx") == 0)
    return keep_read_tor_index (text, &kept->sampled_index);
  if (strcmp (name, "confirmed_idx") == 0)
    return keep_read_tor_index (text, &kept->confirmed_index);
  if (strcmp (name, "listed") == 0)
    kept->is_listed = strcmp (text, "0") != 0;
  else if (strcmp (name, "sampled_by") == 0 && keep_is_plain (text, 64) && kept->sampled_by == NULL)
    kept->sampled_by = g_strdup (text);
  else if (g_str_has_prefix (name, "pb_"))
    return keep_read_tor_count (name + 3, text, &kept->bias);
  return TRUE;
}

/* Returns: (transfer full) (nullable): the field that cannot be read; NULL and @kept filled otherwise. *@is_ours is FALSE
   for a guard of a set that there is none of here. */
static char *
keep_read_tor_line (const char *value, gint64 now_s, Kept *kept, gboolean *is_ours)
{
  g_auto (GStrv) fields = g_strsplit_set (value, " \t", -1);
  gboolean has_id = FALSE, has_set = FALSE;

  *is_ours = TRUE;
  kept->sampled_index = kept->confirmed_index = -1;
  for (guint i = 0; fields[i] != NULL; i++)
    {
      char *text = strchr (fields[i], '=');

      if (text == NULL)
        continue;
      *text++ = '\0';
      has_id |= strcmp (fields[i], "rsa_id") == 0;
      if (strcmp (fields[i], "in") == 0)
        {
          has_set = TRUE;
          *is_ours = keep_parse_selection (text, &kept->kind);
        }
      else if (!keep_read_tor_field (fields[i], text, now_s, kept))
        return g_strdup (fields[i]);
    }
  if (!has_set || !has_id)
    return g_strdup (has_set ? "rsa_id" : "in");
  if (kept->sampled_on_s == 0)
    kept->sampled_on_s = now_s;
  if (kept->confirmed_on_s == 0)
    kept->confirmed_index = -1;
  if (kept->sampled_index < 0) /* before 0.4.4 there was no such order */
    kept->sampled_index = kept->confirmed_index >= 0 ? kept->confirmed_index : KEEP_LAST_INDEX;
  return NULL;
}

/* Reads one line of C Tor's state. */
static gboolean
keep_take_tor_line (const char *line, gsize len, guint number, gint64 now_s, GArray *kept, GError **error)
{
  g_autofree char *text = NULL, *wrong = NULL;
  gboolean is_ours;
  Kept one = { 0 };

  if (len < 6 || g_ascii_strncasecmp (line, "Guard ", 6) != 0)
    return TRUE;
  if (len > KEEP_MAX_LINE || memchr (line, '\0', len) != NULL || !g_utf8_validate_len (line, len, NULL))
    wrong = g_strdup ("line");
  else
    {
      text = g_strndup (line + 6, len - 6);
      g_strchomp (text);
      wrong = keep_read_tor_line (text, now_s, &one, &is_ours);
      if (wrong == NULL && (!is_ours || keep_has (kept, &one)))
        {
          kept_clear (&one);
          return TRUE;
        }
      if (wrong == NULL && kept->len >= GUARDS_MAX)
        wrong = g_strdup ("number of guards");
    }
  g_array_append_val (kept, one);
  if (wrong == NULL)
    return TRUE;
  g_set_error (error, CEPA_ERROR, CEPA_ERROR_FILE, "line %u, a guard of C Tor's: bad %s", number, wrong);
  return FALSE;
}

gboolean
cepa_guards_import_tor (CepaGuards *self, const char *text, gsize len, guint *n_imported, GError **error)
{
  gint64 now_s = cepa_clock_wall_s (self->clock);
  g_autoptr (GArray) kept = g_array_new (FALSE, TRUE, sizeof (Kept));
  guint number = 0;

  g_array_set_clear_func (kept, kept_clear);
  while (len > 0)
    {
      const char *end = memchr (text, '\n', len);
      gsize line_len = end != NULL ? (gsize) (end - text) : len;

      if (!keep_take_tor_line (text, line_len, ++number, now_s, kept, error))
        return FALSE;
      line_len += end != NULL;
      text += line_len;
      len -= line_len;
    }
  if (kept->len == 0)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_FILE, "there is no guard in it");
      return FALSE;
    }
  g_array_sort (kept, kept_compare);
  keep_install (self, kept);
  cepa_guards_tell_changed (self);
  if (n_imported != NULL)
    *n_imported = kept->len;
  return TRUE;
}
