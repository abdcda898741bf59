/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/state.h"

#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/loop.h"

#define STATE_FORMAT "cepa-state"
#define STATE_VERSION 1
#define STATE_MAX_BYTES (4 * 1024 * 1024)
#define STATE_MAX_DEPTH 16 /* of objects and lists in each other: the parser calls itself for each */
#define STATE_DELAY_US (30 * G_USEC_PER_SEC)
#define STATE_MAX_ASIDE 100 /* names that are tried */

typedef struct
{
  const char *name;
  CepaStateFunc save; /* (nullable) */
  gpointer user_data;
} StateSection;

/* A write in a thread. */
typedef struct
{
  CepaState *state; /* (nullable): NULL when that is gone; of the loop's thread */
  char *path;
  GBytes *content;
} StateWrite;

struct _CepaState
{
  const CepaClock *clock;
  char *path;
  JsonObject *read;  /* sections as they were read, or as they are written if nobody adds them */
  GBytes *original;  /* (nullable): what was read, to be set aside if a section turns out bad */
  GArray *sections;  /* (element-type StateSection) */
  CepaLoopWatch *timer;
  gboolean is_dirty;
  gboolean is_untouchable; /* what is there could not be set aside */
  gboolean has_warned;
  StateWrite *writing; /* (nullable) */
  GPtrArray *waiting;  /* (element-type GTask): for the end of the writes */
};

static void state_write (CepaState *self);
static void state_tell (CepaState *self, const GError *error);

/* ---- reading ---- */

/* Whether objects and lists are in each other no deeper than the parser should follow. */
static gboolean
state_is_shallow (const char *text, gsize len)
{
  gboolean in_string = FALSE;
  guint depth = 0;

  for (gsize i = 0; i < len; i++)
    {
      char c = text[i];

      if (in_string)
        {
          if (c == '\\')
            i++;
          in_string = c != '"';
        }
      else if (c == '"')
        in_string = TRUE;
      else if ((c == '{' || c == '[') && ++depth > STATE_MAX_DEPTH)
        return FALSE;
      else if ((c == '}' || c == ']') && depth > 0)
        depth--;
    }
  return TRUE;
}

static gboolean
state_get_int (JsonObject *object, const char *name, gint64 *value)
{
  JsonNode *node = json_object_get_member (object, name);

  if (node == NULL || !JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_INT64)
    return FALSE;
  *value = json_node_get_int (node);
  return TRUE;
}

static gboolean
state_is_ours (JsonObject *root)
{
  JsonNode *format = json_object_get_member (root, "format");

  return format != NULL && JSON_NODE_HOLDS_VALUE (format) && json_node_get_value_type (format) == G_TYPE_STRING
         && strcmp (json_node_get_string (format), STATE_FORMAT) == 0;
}

/* Every section must be an object: no more is known of it here. */
static gboolean
state_check_sections (JsonObject *sections)
{
  g_autoptr (GList) members = json_object_get_values (sections);

  for (GList *l = members; l != NULL; l = l->next)
    if (!JSON_NODE_HOLDS_OBJECT (l->data))
      return FALSE;
  return TRUE;
}

/* Returns: (transfer full) (nullable): the sections; NULL with CEPA_ERROR_FILE */
static JsonObject *
state_parse (GBytes *bytes, GError **error)
{
  gsize len;
  const char *text = g_bytes_get_data (bytes, &len);
  g_autoptr (JsonParser) parser = json_parser_new_immutable ();
  g_autoptr (GError) cause = NULL;
  JsonNode *root, *sections;
  gint64 version;

  if (len > STATE_MAX_BYTES || len == 0 || !g_utf8_validate_len (text, len, NULL) || !state_is_shallow (text, len)
      || !json_parser_load_from_data (parser, text, (gssize) len, &cause)
      || (root = json_parser_get_root (parser)) == NULL || !JSON_NODE_HOLDS_OBJECT (root)
      || !state_is_ours (json_node_get_object (root)))
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_FILE, "it is no whole state file of Cepa's");
      return NULL;
    }
  if (!state_get_int (json_node_get_object (root), "version", &version) || version != STATE_VERSION)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_FILE, "it is of another version than %d, which this one writes",
                   STATE_VERSION);
      return NULL;
    }
  sections = json_object_get_member (json_node_get_object (root), "sections");
  if (sections == NULL || !JSON_NODE_HOLDS_OBJECT (sections)
      || !state_check_sections (json_node_get_object (sections)))
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_FILE, "it has no sections");
      return NULL;
    }
  return json_object_ref (json_node_get_object (sections));
}

/* Returns: (transfer full) (nullable): a name beside the file that is not taken. */
static char *
state_find_aside (const CepaState *self)
{
  g_autoptr (GDateTime) now = g_date_time_new_from_unix_utc (cepa_clock_wall_s (self->clock));
  g_autofree char *date = now != NULL ? g_date_time_format (now, "%Y%m%dT%H%M%S") : g_strdup ("unknown");

  for (guint i = 1; i <= STATE_MAX_ASIDE; i++)
    {
      g_autofree char *name = i == 1 ? g_strdup_printf ("%s.broken-%s", self->path, date)
                                     : g_strdup_printf ("%s.broken-%s-%u", self->path, date, i);

      if (!g_file_test (name, G_FILE_TEST_EXISTS) && !g_file_test (name, G_FILE_TEST_IS_SYMLINK))
        return g_steal_pointer (&name);
    }
  return NULL;
}

static void
state_set_aside (CepaState *self, const GError *reason)
{
  g_autofree char *aside = state_find_aside (self);

  if (aside != NULL && g_rename (self->path, aside) == 0)
    {
      cepa_log (CEPA_LOG_FS, CEPA_LOG_WARN, "%s cannot be used: %s. It is now %s, and what it may have held is chosen anew",
                self->path, reason->message, aside);
      return;
    }
  self->is_untouchable = TRUE;
  cepa_log (CEPA_LOG_FS, CEPA_LOG_WARN, "%s cannot be used: %s. It cannot be renamed either: nothing is kept from this run",
            self->path, reason->message);
}

static void
state_timer (gpointer user_data, G_GNUC_UNUSED GIOCondition revents)
{
  state_write (user_data);
}

CepaState *
cepa_state_load (GMainContext *context, const CepaClock *clock, const char *path)
{
  CepaState *self = g_new0 (CepaState, 1);
  g_autoptr (GBytes) mapped = NULL;
  g_autoptr (GError) error = NULL;

  self->clock = clock;
  self->path = g_strdup (path);
  self->sections = g_array_new (FALSE, FALSE, sizeof (StateSection));
  self->waiting = g_ptr_array_new_with_free_func (g_object_unref);
  self->timer = cepa_loop_watch_fd (context, -1, "state file", state_timer, self);
  mapped = cepa_file_map (path, &error);
  if (mapped != NULL)
    {
      self->original = g_bytes_new (g_bytes_get_data (mapped, NULL), g_bytes_get_size (mapped));
      self->read = state_parse (self->original, &error);
    }
  if (self->read != NULL)
    return self;
  self->read = json_object_new ();
  g_clear_pointer (&self->original, g_bytes_unref);
  if (!g_error_matches (error, CEPA_ERROR, CEPA_ERROR_NOT_FOUND))
    state_set_aside (self, error);
  return self;
}

void
cepa_state_free (CepaState *self)
{
  GError cancelled = { CEPA_ERROR, CEPA_ERROR_CANCELLED, (char *) "the end did not wait for the state file" };

  if (self == NULL)
    return;
  if (self->writing != NULL)
    self->writing->state = NULL;
  state_tell (self, &cancelled);
  cepa_loop_clear (&self->timer);
  g_ptr_array_unref (self->waiting);
  g_array_unref (self->sections);
  json_object_unref (self->read);
  g_clear_pointer (&self->original, g_bytes_unref);
  g_free (self->path);
  g_free (self);
}

GVariant *
cepa_state_get_section (CepaState *self, const char *name)
{
  JsonNode *node = json_object_get_member (self->read, name);
  GVariant *variant = node != NULL ? json_gvariant_deserialize (node, NULL, NULL) : NULL;

  if (variant == NULL)
    return NULL;
  g_variant_ref_sink (variant);
  if (!g_variant_is_of_type (variant, G_VARIANT_TYPE_VARDICT))
    g_clear_pointer (&variant, g_variant_unref);
  return variant;
}

void
cepa_state_reject_section (CepaState *self, const char *name, const GError *reason)
{
  g_autofree char *aside = self->original != NULL ? state_find_aside (self) : NULL;
  g_autoptr (GError) error = NULL;

  if (!json_object_has_member (self->read, name))
    return;
  if (aside != NULL && cepa_file_write (aside, &self->original, 1, &error))
    cepa_log (CEPA_LOG_FS, CEPA_LOG_WARN, "What %s says of %s cannot be used: %s. A copy of it is now %s", self->path, name,
              reason->message, aside);
  else
    {
      self->is_untouchable = TRUE;
      cepa_log (CEPA_LOG_FS, CEPA_LOG_WARN,
                "What %s says of %s cannot be used: %s. It cannot be copied either: nothing is kept from this run",
                self->path, name, reason->message);
    }
  g_clear_pointer (&self->original, g_bytes_unref);
  {
    JsonObject *rest = json_object_new ();
    g_autoptr (GList) members = json_object_get_members (self->read);

    for (GList *l = members; l != NULL; l = l->next)
      if (strcmp (l->data, name) != 0)
        json_object_set_member (rest, l->data, json_object_dup_member (self->read, l->data));
    json_object_unref (self->read);
    self->read = rest;
  }
}

/* ---- writing ---- */

void
cepa_state_add_section (CepaState *self, const char *name, CepaStateFunc save, gpointer user_data)
{
  StateSection section = { name, save, user_data };

  for (guint i = 0; i < self->sections->len; i++)
    if (strcmp (g_array_index (self->sections, StateSection, i).name, name) == 0)
      {
        g_array_index (self->sections, StateSection, i) = section;
        return;
      }
  g_array_append_val (self->sections, section);
}

static void
state_put_section (JsonObject *sections, const StateSection *section)
{
  GVariant *variant = section->save (section->user_data);

  if (variant == NULL)
    {
      json_object_remove_member (sections, section->name);
      return;
    }
  g_variant_ref_sink (variant);
  json_object_set_member (sections, section->name, json_gvariant_serialize (variant));
  g_variant_unref (variant);
}

static GBytes *
state_to_bytes (CepaState *self)
{
  g_autoptr (JsonGenerator) generator = json_generator_new ();
  g_autoptr (JsonNode) root = json_node_alloc ();
  g_autoptr (JsonObject) object = json_object_new ();
  JsonObject *sections = json_object_new ();
  g_autoptr (GList) members = json_object_get_members (self->read);
  GString *text = g_string_new (NULL);
  gsize len;

  for (GList *l = members; l != NULL; l = l->next)
    json_object_set_member (sections, l->data, json_object_dup_member (self->read, l->data));
  for (guint i = 0; i < self->sections->len; i++)
    if (g_array_index (self->sections, StateSection, i).save != NULL)
      state_put_section (sections, &g_array_index (self->sections, StateSection, i));
  json_object_set_string_member (object, "format", STATE_FORMAT);
  json_object_set_int_member (object, "version", STATE_VERSION);
  json_object_set_object_member (object, "sections", sections);
  json_node_init_object (root, object);
  json_generator_set_root (generator, root);
  json_generator_set_pretty (generator, TRUE);
  json_generator_to_gstring (generator, text);
  g_string_append_c (text, '\n');
  len = text->len;
  return g_bytes_new_take (g_string_free (text, FALSE), len);
}

static void
state_write_free (gpointer data)
{
  StateWrite *write = data;

  g_free (write->path);
  g_bytes_unref (write->content);
  g_free (write);
}

static void
state_write_thread (GTask *task, G_GNUC_UNUSED gpointer source, gpointer data, G_GNUC_UNUSED GCancellable *cancellable)
{
  const StateWrite *write = data;
  GError *error = NULL;

  if (cepa_file_write (write->path, &write->content, 1, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

/* Tells everybody who waits for the end. @error: (nullable) */
static void
state_tell (CepaState *self, const GError *error)
{
  g_autoptr (GPtrArray) waiting = g_steal_pointer (&self->waiting);

  self->waiting = g_ptr_array_new_with_free_func (g_object_unref);
  for (guint i = 0; i < waiting->len; i++)
    if (error != NULL)
      g_task_return_error (g_ptr_array_index (waiting, i), g_error_copy (error));
    else
      g_task_return_boolean (g_ptr_array_index (waiting, i), TRUE);
}

static void
state_written (G_GNUC_UNUSED GObject *source, GAsyncResult *result, G_GNUC_UNUSED gpointer user_data)
{
  CepaState *self = ((StateWrite *) g_task_get_task_data (G_TASK (result)))->state;
  g_autoptr (GError) error = NULL;
  gboolean is_written = g_task_propagate_boolean (G_TASK (result), &error);

  if (self == NULL)
    return;
  self->writing = NULL;
  if (!is_written && !self->has_warned)
    cepa_log (CEPA_LOG_FS, CEPA_LOG_WARN, "What is to be kept for the next run cannot be written: %s", error->message);
  else if (is_written && self->has_warned)
    cepa_log (CEPA_LOG_FS, CEPA_LOG_NOTICE, "What is to be kept for the next run can be written again");
  self->has_warned = !is_written;
  if (is_written && self->is_dirty && self->waiting->len > 0)
    state_write (self);
  else
    state_tell (self, error);
  if (self->is_dirty && self->writing == NULL && !cepa_loop_has_delay (self->timer))
    cepa_loop_set_delay (self->timer, STATE_DELAY_US);
}

static void
state_write (CepaState *self)
{
  g_autoptr (GTask) task = NULL;

  if (!self->is_dirty || self->writing != NULL)
    return;
  self->is_dirty = FALSE;
  g_clear_pointer (&self->original, g_bytes_unref);
  cepa_loop_set_delay (self->timer, -1);
  self->writing = g_new0 (StateWrite, 1);
  self->writing->state = self;
  self->writing->path = g_strdup (self->path);
  self->writing->content = state_to_bytes (self);
  task = g_task_new (NULL, NULL, state_written, NULL);
  g_task_set_name (task, "state file");
  g_task_set_task_data (task, self->writing, state_write_free);
  g_task_run_in_thread (task, state_write_thread);
}

void
cepa_state_changed (CepaState *self)
{
  if (self->is_untouchable)
    return;
  self->is_dirty = TRUE;
  if (self->writing == NULL && !cepa_loop_has_delay (self->timer))
    cepa_loop_set_delay (self->timer, STATE_DELAY_US);
}

void
cepa_state_save_async (CepaState *self, GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (NULL, NULL, callback, user_data);

  g_task_set_name (task, "state file saved");
  g_ptr_array_add (self->waiting, task);
  state_write (self);
  if (self->writing == NULL)
    state_tell (self, NULL);
}

gboolean
cepa_state_save_finish (G_GNUC_UNUSED CepaState *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

gboolean
cepa_state_write_now (CepaState *self, GError **error)
{
  g_autoptr (GBytes) content = NULL;

  if (self->is_untouchable)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_FILE, "%s cannot be set aside", self->path);
      return FALSE;
    }
  content = state_to_bytes (self);
  return cepa_file_write (self->path, &content, 1, error);
}

gboolean
cepa_state_is_failing (const CepaState *self)
{
  return self->has_warned;
}
