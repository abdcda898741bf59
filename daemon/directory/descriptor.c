/* SPDX-License-Identifier: BSD-3-Clause */
#include "directory/descriptor.h"

#include <string.h>

#include "network/server-descriptors.h"

static CepaMicrodescriptorStatus
descriptor_next_micro (CepaSlice *rest, CepaDescriptor *out, GError **error)
{
  CepaDescriptor read = { .unverified = NULL };
  CepaMicrodescriptorStatus status = cepa_microdescriptor_next (rest, &read.microdescriptor, error);

  if (status != CEPA_MICRODESCRIPTOR_GOOD)
    return status;
  memcpy (read.digest, read.microdescriptor.digest, sizeof read.digest);
  read.text = read.microdescriptor.text;
  *out = read;
  return status;
}

static CepaMicrodescriptorStatus
descriptor_next_server (CepaSlice *rest, CepaDescriptor *out, GError **error)
{
  CepaDescriptor read = { .unverified = NULL };
  CepaServerDescriptorStatus status = cepa_unverified_server_descriptor_next (rest, &read.unverified, error);

  if (status != CEPA_SERVER_DESCRIPTOR_GOOD)
    return status == CEPA_SERVER_DESCRIPTOR_BAD ? CEPA_MICRODESCRIPTOR_BAD : CEPA_MICRODESCRIPTOR_END;
  memcpy (read.digest, cepa_unverified_server_descriptor_get_digest (read.unverified), 20);
  *out = read;
  return CEPA_MICRODESCRIPTOR_GOOD;
}

CepaMicrodescriptorStatus
cepa_descriptor_next (const CepaFlavour *flavour, CepaSlice *rest, CepaDescriptor *out, GError **error)
{
  return flavour->consensus == CEPA_CONSENSUS_NS ? descriptor_next_server (rest, out, error)
                                                 : descriptor_next_micro (rest, out, error);
}

void
cepa_descriptor_clear (CepaDescriptor *self)
{
  g_clear_pointer (&self->unverified, cepa_unverified_server_descriptor_free);
  g_clear_pointer (&self->server, cepa_server_descriptor_free);
}

/* Whether there is something to believe, which has been settled. */
static gboolean
descriptor_is_settled (CepaDescriptor *self)
{
  if (self->server != NULL)
    self->text = self->server->text;
  return self->text.len > 0;
}

gboolean
cepa_descriptor_verify (CepaDescriptor *self, gint64 now_s, GError **error)
{
  if (self->unverified != NULL)
    self->server = cepa_server_descriptor_verify (g_steal_pointer (&self->unverified), now_s, error);
  return descriptor_is_settled (self);
}

gboolean
cepa_descriptor_trust (CepaDescriptor *self, const CepaConsensus *consensus, gint64 now_s, GError **error)
{
  if (self->unverified != NULL)
    self->server = cepa_server_descriptor_trust (g_steal_pointer (&self->unverified), consensus, now_s, error);
  return descriptor_is_settled (self);
}

guint
cepa_descriptor_add (const CepaDescriptor *self, CepaNetwork *network)
{
  return self->server != NULL ? cepa_network_add_server_descriptor (network, self->server)
                              : cepa_network_add_microdescriptor (network, &self->microdescriptor);
}
