/* SPDX-License-Identifier: BSD-3-Clause */
/* An instance of the plugin under check, from create to destroy. */
#include <string.h>

#include "check.h"

/* The longest that a timer or a watch may hold the thread, real time. */
#define INSTANCE_MAX_CALL_US (500 * G_TIME_SPAN_MILLISECOND)

/* How long an instance is left alone after it was used. */
#define INSTANCE_IN_USE_US (1 * G_TIME_SPAN_SECOND)

/* How long the loop goes on when the instance is gone: what was left in it would come now. */
#define INSTANCE_AFTERWARDS_US (30 * G_TIME_SPAN_SECOND)

static void
instance_set_options (CepaInstance *self)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  cepa_fake_host_set_defaults (self->host, self->check->plugin);
  for (guint i = 0; self->check->options != NULL && self->check->options[i] != NULL; i++)
    {
      const char *equals = strchr (self->check->options[i], '=');
      g_autofree char *name = g_strndup (self->check->options[i], (gsize) (equals - self->check->options[i]));

      if (g_hash_table_contains (seen, name))
        cepa_fake_host_add_option (self->host, name, equals + 1);
      else
        cepa_fake_host_set_option (self->host, name, equals + 1);
      g_hash_table_add (seen, g_strdup (name));
    }
}

void
cepa_instance_prepare (CepaInstance *self, CepaCheck *check, guint64 seed)
{
  self->check = check;
  self->self = NULL;
  self->host = cepa_fake_host_new (seed);
  self->network = cepa_fake_network_new (seed, 100, FALSE);
  cepa_fake_host_set_network (self->host, cepa_fake_network_get_view (self->network));
  cepa_fake_host_set_vocabulary (self->host, check->vocabulary);
  instance_set_options (self);
}

gboolean
cepa_instance_create (CepaInstance *self)
{
  g_autoptr (GError) error = NULL;

  CEPA_CHECK_CALL (self->check, "create",
                   self->self = self->check->plugin->create (cepa_fake_host_get_table (self->host), &error));
  if (self->self != NULL && error != NULL)
    cepa_check_fail (self->check, "create gave an instance and an error");
  if (self->self != NULL)
    return TRUE;
  if (cepa_check_error (self->check, "create", error))
    cepa_check_fail (self->check, "create gave no instance: %s", error->message);
  cepa_instance_clear (self);
  return FALSE;
}

gboolean
cepa_instance_init (CepaInstance *self, CepaCheck *check, guint64 seed)
{
  cepa_instance_prepare (self, check, seed);
  return cepa_instance_create (self);
}

guint64
cepa_instance_begin_start (CepaInstance *self)
{
  guint64 task;

  if (self->check->plugin->start == NULL)
    return 0;
  task = cepa_fake_host_begin_task (self->host);
  CEPA_CHECK_CALL (self->check, "start", self->check->plugin->start (self->self, task));
  return task;
}

gboolean
cepa_instance_start (CepaInstance *self)
{
  guint64 task = cepa_instance_begin_start (self);
  const GError *error;

  if (task == 0)
    return TRUE;
  cepa_check_begin_call (self->check, "start's callbacks");
  if (!cepa_fake_host_run_task (self->host, task, CEPA_CHECK_START_US))
    {
      cepa_check_fail (self->check, "start was not complete within 10 seconds: cepa_host_complete() was not called for "
                       "its task");
      return FALSE;
    }
  cepa_check_begin_call (self->check, "");
  error = cepa_fake_host_get_task_error (self->host, task);
  if (error != NULL && cepa_check_error (self->check, "start", error))
    cepa_check_fail (self->check, "start failed: %s", error->message);
  return error == NULL;
}

guint64
cepa_instance_begin_stop (CepaInstance *self)
{
  guint64 task;

  if (self->check->plugin->stop == NULL)
    return 0;
  task = cepa_fake_host_begin_task (self->host);
  CEPA_CHECK_CALL (self->check, "stop", self->check->plugin->stop (self->self, task));
  return task;
}

static void
instance_report_left (CepaInstance *self, const char *when)
{
  guint n_timers = cepa_fake_host_get_n_timers (self->host), n_watches = cepa_fake_host_get_n_watches (self->host);
  guint n_subscriptions = cepa_fake_host_get_n_subscriptions (self->host);

  if (n_timers > 0)
    cepa_check_fail (self->check, "%u timers were left %s", n_timers, when);
  if (n_watches > 0)
    cepa_check_fail (self->check, "%u watches were left %s", n_watches, when);
  if (n_subscriptions > 0)
    cepa_check_fail (self->check, "%u subscriptions were left %s", n_subscriptions, when);
}

void
cepa_instance_stop (CepaInstance *self)
{
  guint64 task = cepa_instance_begin_stop (self);
  const GError *error;

  if (task == 0)
    return;
  cepa_check_begin_call (self->check, "stop's callbacks");
  if (!cepa_fake_host_run_task (self->host, task, CEPA_CHECK_STOP_US))
    {
      cepa_check_fail (self->check, "stop was not complete within 1 second: cepa_host_complete() was not called for its "
                       "task");
      return;
    }
  cepa_check_begin_call (self->check, "");
  error = cepa_fake_host_get_task_error (self->host, task);
  if (error != NULL)
    cepa_check_fail (self->check, "stop failed: %s", error->message);
  instance_report_left (self, "when stop was complete");
}

void
cepa_instance_clear (CepaInstance *self)
{
  GPtrArray *faults = cepa_fake_host_get_faults (self->host);
  const char *fault = cepa_fake_network_get_fault (self->network);

  for (guint i = 0; i < faults->len; i++)
    cepa_check_fail (self->check, "%s", (const char *) g_ptr_array_index (faults, i));
  if (fault != NULL)
    cepa_check_fail (self->check, "%s", fault);
  if (!self->check->is_slow && cepa_fake_host_get_longest_us (self->host) > INSTANCE_MAX_CALL_US)
    cepa_check_fail (self->check, "a timer or a watch held the thread for %" G_GINT64_FORMAT " ms",
                     cepa_fake_host_get_longest_us (self->host) / 1000);
  g_clear_pointer (&self->host, cepa_fake_host_free);
  g_clear_pointer (&self->network, cepa_fake_network_free);
}

void
cepa_instance_destroy (CepaInstance *self)
{
  const GError *failure = cepa_fake_host_get_failure (self->host);

  if (failure != NULL && cepa_check_error (self->check, "cepa_host_fail", failure))
    cepa_check_fail (self->check, "it said that it cannot go on: %s", failure->message);
  CEPA_CHECK_CALL (self->check, "destroy", self->check->plugin->destroy (self->self));
  self->self = NULL;
  instance_report_left (self, "when destroy had come back");
  cepa_fake_host_close (self->host);
  cepa_check_begin_call (self->check, "what was left in the loop");
  cepa_fake_host_run (self->host, NULL, NULL, INSTANCE_AFTERWARDS_US);
  cepa_check_begin_call (self->check, "");
  cepa_instance_clear (self);
}

void
cepa_instance_use (CepaInstance *self)
{
  const CepaPlugin *plugin = self->check->plugin;

  if (plugin->path != NULL)
    cepa_check_use_path (self);
  if (plugin->padding != NULL)
    cepa_check_use_padding (self);
  if (plugin->transport != NULL)
    cepa_check_use_transport (self);
  if (plugin->control != NULL)
    cepa_check_use_control (self);
  if (plugin->metrics != NULL)
    cepa_check_use_metrics (self);
  cepa_check_begin_call (self->check, "callbacks");
  cepa_fake_host_advance (self->host, INSTANCE_IN_USE_US);
  cepa_check_begin_call (self->check, "");
}

gboolean
cepa_check_error (CepaCheck *check, const char *call, const GError *error)
{
  if (error == NULL)
    cepa_check_fail (check, "%s failed without an error", call);
  else if (error->domain != CEPA_PLUGIN_ERROR)
    cepa_check_fail (check, "%s set an error of the domain %s; it must be CEPA_PLUGIN_ERROR", call,
                     g_quark_to_string (error->domain));
  else if (error->code < CEPA_PLUGIN_ERROR_FAILED || error->code > CEPA_PLUGIN_ERROR_CANCELLED)
    cepa_check_fail (check, "%s set an error of the code %d, which there is not", call, error->code);
  else if (error->message == NULL || error->message[0] == '\0' || !g_utf8_validate (error->message, -1, NULL)
           || strpbrk (error->message, "\r\n") != NULL)
    cepa_check_fail (check, "%s set an error whose message is not a sentence in one line", call);
  else
    return TRUE;
  return FALSE;
}
