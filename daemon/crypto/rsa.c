/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/rsa.h"

#include <gcrypt.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "crypto/der.h"
#include "crypto/digest.h"

#define RSA_MIN_BITS 1024
#define RSA_MAX_BITS 8192
#define RSA_MAX_LEN (RSA_MAX_BITS / 8)
#define RSA_MAX_EXPONENT_BITS 32
#define RSA_MIN_PADDING 8 /* FF bytes that PKCS#1 v1.5 asks for at least */

struct _CepaRsaKey
{
  gcry_mpi_t modulus, exponent;
  guint bits;
  guint8 digest[CEPA_SHA1_LEN];
};

static gcry_mpi_t
rsa_scan (const guint8 *data, gsize len)
{
  gcry_mpi_t number = NULL;

  if (gcry_mpi_scan (&number, GCRYMPI_FMT_USG, data, len, NULL) != 0)
    return NULL;
  return number;
}

/* What is wrong with the numbers of @self; NULL when nothing is. */
static const char *
rsa_key_find_fault (const CepaRsaKey *self)
{
  if (self->modulus == NULL || self->exponent == NULL)
    return "it cannot be read";
  if (self->bits < RSA_MIN_BITS || self->bits > RSA_MAX_BITS)
    return "its modulus is shorter than 1024 or longer than 8192 bits";
  if (!gcry_mpi_test_bit (self->modulus, 0))
    return "its modulus is even";
  if (gcry_mpi_get_nbits (self->exponent) > RSA_MAX_EXPONENT_BITS)
    return "its exponent is longer than 32 bits";
  if (!gcry_mpi_test_bit (self->exponent, 0) || gcry_mpi_cmp_ui (self->exponent, 3) < 0)
    return "its exponent is even or below 3";
  return NULL;
}

CepaRsaKey *
cepa_rsa_key_new_from_der (const void *der, gsize len, GError **error)
{
  g_autoptr (CepaRsaKey) self = g_new0 (CepaRsaKey, 1);
  CepaReader outer, numbers, modulus, exponent;
  const char *fault;

  cepa_reader_init (&outer, der, len);
  numbers = cepa_der_read (&outer, CEPA_DER_SEQUENCE);
  modulus = cepa_der_read_unsigned (&numbers);
  exponent = cepa_der_read_unsigned (&numbers);
  if (!cepa_reader_is_done (&outer) || !cepa_reader_is_done (&numbers))
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_BAD_DOCUMENT,
                   "an RSA key is not the DER of a PKCS#1 public key, in full and nothing more");
      return NULL;
    }
  self->modulus = rsa_scan (modulus.data, modulus.left);
  self->exponent = rsa_scan (exponent.data, exponent.left);
  self->bits = self->modulus != NULL ? gcry_mpi_get_nbits (self->modulus) : 0;
  fault = rsa_key_find_fault (self);
  if (fault != NULL)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_BAD_DOCUMENT, "an RSA key is unusable: %s", fault);
      return NULL;
    }
  cepa_sha1 (der, len, self->digest);
  return g_steal_pointer (&self);
}

void
cepa_rsa_key_free (CepaRsaKey *self)
{
  if (self == NULL)
    return;
  gcry_mpi_release (self->modulus);
  gcry_mpi_release (self->exponent);
  g_free (self);
}

guint
cepa_rsa_key_get_bits (const CepaRsaKey *self)
{
  return self->bits;
}

void
cepa_rsa_key_get_digest (const CepaRsaKey *self, guint8 out[20])
{
  memcpy (out, self->digest, sizeof self->digest);
}

/* signature ^ exponent mod modulus, right-aligned in @len bytes of @out. */
static gboolean
rsa_key_open (const CepaRsaKey *self, const guint8 *signature, guint8 *out, gsize len)
{
  gcry_mpi_t number = rsa_scan (signature, len);
  gcry_mpi_t opened = gcry_mpi_new (self->bits);
  guint8 bytes[RSA_MAX_LEN];
  gsize n = 0;
  gboolean good = number != NULL && gcry_mpi_cmp (number, self->modulus) < 0;

  if (good)
    {
      gcry_mpi_powm (opened, number, self->exponent, self->modulus);
      good = gcry_mpi_print (GCRYMPI_FMT_USG, bytes, sizeof bytes, &n, opened) == 0 && n <= len;
    }
  if (good)
    {
      memset (out, 0, len - n);
      memcpy (out + len - n, bytes, n);
    }
  gcry_mpi_release (number);
  gcry_mpi_release (opened);
  return good;
}

gboolean
cepa_rsa_key_verify_digest (const CepaRsaKey *self, const void *signature, gsize signature_len,
                            const void *digest, gsize digest_len)
{
  guint8 opened[RSA_MAX_LEN], expected[RSA_MAX_LEN];
  gsize len = (self->bits + 7) / 8;

  if (signature_len != len || digest_len > len - RSA_MIN_PADDING - 3)
    return FALSE;
  /* 00 01 FF ... FF 00 digest: comparing all of it leaves nothing in the padding to interpretation. */
  memset (expected, 0xff, len);
  expected[0] = 0;
  expected[1] = 1;
  expected[len - digest_len - 1] = 0;
  memcpy (expected + len - digest_len, digest, digest_len);
  return rsa_key_open (self, signature, opened, len) && memcmp (opened, expected, len) == 0;
}

gboolean
cepa_rsa_key_verify_start (const CepaRsaKey *self, const void *signature, gsize signature_len, const void *start,
                           gsize start_len)
{
  guint8 opened[RSA_MAX_LEN];
  gsize len = (self->bits + 7) / 8, at = 2;

  if (signature_len != len || !rsa_key_open (self, signature, opened, len) || opened[0] != 0 || opened[1] != 1)
    return FALSE;
  while (at < len && opened[at] == 0xff)
    at++;
  if (at < 2 + RSA_MIN_PADDING || at == len || opened[at] != 0)
    return FALSE;
  at++;
  return start_len <= len - at && memcmp (opened + at, start, start_len) == 0;
}
