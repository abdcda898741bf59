/* SPDX-License-Identifier: BSD-3-Clause */
/* Building a circuit hop by hop, and making it longer (tor-spec: create-created-cells, creating-circuits). */
#include <string.h>

#include "base/error.h"
#include "base/secret.h"
#include "circuit/circuit-private.h"
#include "circuit/extend.h"
#include "wire/extend.h"

#define BUILD_HANDSHAKE_NTOR 2

static void
build_tell_progress (CepaCircuit *self)
{
  if (self->owner.progress != NULL)
    self->owner.progress (self->owner.user_data, self);
}

void
cepa_circuit_build_create (CepaCircuit *self)
{
  const CepaCircuitHop *hop = &self->hops[0];
  guint8 onionskin[CEPA_NTOR_ONIONSKIN_LEN], *body;

  if (!hop->has_ntor_key)
    {
      cepa_random_fill (self->random, self->create_fast, sizeof self->create_fast);
      body = cepa_channel_reserve_cell (&self->base, CEPA_CELL_CREATE_FAST);
      memset (body, 0, CEPA_CELL_BODY_LEN);
      memcpy (body, self->create_fast, sizeof self->create_fast);
      build_tell_progress (self);
      return;
    }
  self->ntor = cepa_ntor_new (self->random, hop->target.rsa_id, hop->ntor_key, onionskin);
  body = cepa_channel_reserve_cell (&self->base, CEPA_CELL_CREATE2);
  cepa_create2_write (BUILD_HANDSHAKE_NTOR, onionskin, sizeof onionskin, body);
  build_tell_progress (self);
}

static void
build_add_layer (CepaCircuit *self, const guint8 keys[CEPA_TOR1_KEYS_LEN])
{
  self->layers[self->n_built++] = cepa_tor1_new (keys);
  cepa_circuit_tell_extended (self);
}

static void
build_extend (CepaCircuit *self)
{
  const CepaCircuitHop *hop = &self->hops[self->n_built];
  CepaExtendTarget target = { .has_ed25519_id = hop->target.has_ed25519_id,
                              .ipv4 = hop->target.ipv4,
                              .or_port = hop->target.or_port };
  guint8 onionskin[CEPA_NTOR_ONIONSKIN_LEN], data[CEPA_RELAY_MAX_DATA];
  gsize len;

  memcpy (target.rsa_id, hop->target.rsa_id, sizeof target.rsa_id);
  memcpy (target.ed25519_id, hop->target.ed25519_id, sizeof target.ed25519_id);
  self->ntor = cepa_ntor_new (self->random, hop->target.rsa_id, hop->ntor_key, onionskin);
  len = cepa_extend2_write (&target, self->extend_by_ed25519, BUILD_HANDSHAKE_NTOR, onionskin, sizeof onionskin, data);
  cepa_circuit_send_to_hop (self, self->n_built - 1, CEPA_RELAY_EXTEND2, 0, data, (guint) len);
}

/* A hop has been added: on to the next one, or done. */
static void
build_next (CepaCircuit *self)
{
  if (self->n_built < self->n_hops)
    {
      build_extend (self);
      build_tell_progress (self);
      return;
    }
  self->state = CEPA_CIRCUIT_OPEN;
  cepa_circuit_flow_init (&self->flow, self->package_window_start);
  if (!self->was_built)
    cepa_circuit_padding_open (self); /* one that was made longer keeps what pads it */
  cepa_circuit_tell_built (self);
  self->owner.opened (self->owner.user_data, self);
}

static gboolean
build_finish_ntor (CepaCircuit *self, const guint8 *data, gsize len, GError **error)
{
  g_autoptr (CepaNtor) ntor = g_steal_pointer (&self->ntor);
  guint8 keys[CEPA_TOR1_KEYS_LEN];
  const guint8 *reply = NULL;
  gsize reply_len = 0;
  gboolean ok;

  if (!cepa_created2_parse (data, len, &reply, &reply_len) || reply_len != CEPA_NTOR_REPLY_LEN)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL, "handshake reply of a wrong length");
      return FALSE;
    }
  ok = cepa_ntor_finish (ntor, reply, keys, sizeof keys, error);
  if (ok)
    build_add_layer (self, keys);
  cepa_secret_wipe (keys, sizeof keys);
  return ok;
}

static gboolean
build_finish_fast (CepaCircuit *self, const guint8 *body, GError **error)
{
  guint8 keys[CEPA_TOR1_KEYS_LEN];
  gboolean ok = cepa_create_fast_finish (self->create_fast, body, keys, sizeof keys, error);

  if (ok)
    build_add_layer (self, keys);
  cepa_secret_wipe (keys, sizeof keys);
  cepa_secret_wipe (self->create_fast, sizeof self->create_fast);
  return ok;
}

gboolean
cepa_circuit_build_created (CepaCircuit *self, guint8 command, const guint8 *body, GError **error)
{
  guint8 expected = self->hops[0].has_ntor_key ? CEPA_CELL_CREATED2 : CEPA_CELL_CREATED_FAST;

  if (self->n_built > 0 || command != expected)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL, "cell with command %u where none was due", command);
      return FALSE;
    }
  if (!(command == CEPA_CELL_CREATED2 ? build_finish_ntor (self, body, CEPA_CELL_BODY_LEN, error)
                                      : build_finish_fast (self, body, error)))
    return FALSE;
  build_next (self);
  return TRUE;
}

gboolean
cepa_circuit_build_extended (CepaCircuit *self, const CepaRelayMessage *message, GError **error)
{
  if (self->state != CEPA_CIRCUIT_BUILDING || self->ntor == NULL)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL, "EXTENDED2 where none was due");
      return FALSE;
    }
  if (!build_finish_ntor (self, message->data, message->len, error))
    return FALSE;
  build_next (self);
  return TRUE;
}

/* ---- longer ---- */

gboolean
cepa_circuit_may_extend (const CepaCircuit *self)
{
  return self->state == CEPA_CIRCUIT_OPEN && self->n_hops < CEPA_CIRCUIT_MAX_HOPS && self->relay_early_left > 0
         && cepa_circuit_get_n_streams (self) == 0;
}

void
cepa_circuit_extend (CepaCircuit *self, const CepaCircuitHop *hop)
{
  g_return_if_fail (cepa_circuit_may_extend (self) && hop->has_ntor_key);
  self->hops[self->n_hops++] = *hop;
  self->state = CEPA_CIRCUIT_BUILDING;
  self->is_blocked = FALSE;
  build_extend (self);
}
