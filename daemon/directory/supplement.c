/* SPDX-License-Identifier: BSD-3-Clause */
/* What this machine puts beside the rows of the network: the one in use gets it from a worker, later ones come with
   it. */
#include "directory/parts-private.h"
#include "network/annotations.h"

/* What a worker gets; nothing of it that is read changes. */
typedef struct
{
  CepaNetwork *network;
  CepaExtras *extras;
} SupplementInput;

static void
supplement_input_free (SupplementInput *self)
{
  cepa_network_unref (self->network);
  cepa_extras_unref (self->extras);
  g_free (self);
}

static void
supplement_thread (GTask *task, G_GNUC_UNUSED gpointer source, gpointer task_data,
                   G_GNUC_UNUSED GCancellable *cancellable)
{
  const SupplementInput *input = task_data;

  g_task_return_pointer (task, cepa_annotations_new (input->network, input->extras),
                         (GDestroyNotify) cepa_annotations_free);
}

gboolean
cepa_directory_lacks_supplement (const CepaDirectory *self)
{
  return self->network != NULL
         && (cepa_network_get_extras (self->network) != self->supplement.extras
             || cepa_network_get_node_families (self->network) != self->supplement.node_families);
}

static void
supplement_done (G_GNUC_UNUSED GObject *source, GAsyncResult *async, gpointer user_data)
{
  CepaDirectory *self = user_data;
  const SupplementInput *input = g_task_get_task_data (G_TASK (async));
  g_autoptr (CepaAnnotations) annotations = g_task_propagate_pointer (G_TASK (async), NULL);

  self->n_workers--;
  self->is_supplementing = FALSE;
  if (self->is_stopped || annotations == NULL)
    return;
  if (input->network == self->network && input->extras == self->supplement.extras)
    {
      cepa_network_annotate (self->network, g_steal_pointer (&annotations));
      cepa_network_set_node_families (self->network, self->supplement.node_families);
      cepa_network_commit (self->network);
      cepa_directory_tell_changed (self);
    }
  cepa_directory_check_supplement (self);
}

void
cepa_directory_check_supplement (CepaDirectory *self)
{
  g_autoptr (GTask) task = NULL;
  SupplementInput *input;

  if (self->is_supplementing || self->is_stopped || !cepa_directory_lacks_supplement (self))
    return;
  input = g_new0 (SupplementInput, 1);
  input->network = cepa_network_ref (self->network);
  input->extras = cepa_extras_ref (self->supplement.extras);
  task = g_task_new (NULL, self->cancellable, supplement_done, self);
  g_task_set_name (task, "network supplement");
  g_task_set_task_data (task, input, (GDestroyNotify) supplement_input_free);
  self->n_workers++;
  self->is_supplementing = TRUE;
  g_task_run_in_thread (task, supplement_thread);
}

void
cepa_directory_set_supplement (CepaDirectory *self, CepaExtras *extras, GPtrArray *node_families)
{
  CepaLoadSupplement old = self->supplement;

  self->supplement.extras = cepa_extras_ref (extras);
  self->supplement.node_families
      = node_families != NULL && node_families->len > 0 ? g_ptr_array_ref (node_families) : NULL;
  cepa_load_supplement_clear (&old);
  cepa_directory_check_supplement (self);
  /* By countries it is known too whom the user does not want to be asked. */
  if (self->aside != NULL)
    cepa_directory_set_supplement (self->aside, extras, node_families);
}
