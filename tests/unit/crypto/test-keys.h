/* SPDX-License-Identifier: BSD-3-Clause */
/* Private keys that were made for the tests and are used for nothing else. */
#pragma once

/* RSA of 1024 bits: a relay's identity. */
static const char test_key_identity[] =
  "-----BEGIN RSA PRIVATE KEY-----\n"
  "MIICWwIBAAKBgQC377HWw5Xnf2DJCJJOFM46uNn7Rl9DjGq74chI2f8TQLGW0LxI\n"
  "ujcf0HLCujuxN/SyT9uctU6IoFKgnZghG0X9oyJlp3M6UK8pRwZL1XWiRZtVF1M7\n"
  "gwLw+JFITsk6tnHbrZIegYGTdAO725JSbZpmmWbXsgVclyxiaGxhAEpd+wIDAQAB\n"
  "AoGAKtzIbGuXeyLLww0kSt2+USDSayOy/2KxXKb4rUFfl3Tz7VknByudvOQuWgJb\n"
  "9qg7dXH2k0YMzvnNR3ByCwT4AgVL+tZxATxIYuyX9EEJlNXTfW3IjqDxIIWr2cSW\n"
  "Oo/oKcXtC6nAGtChIXpJSLiK3s0fEfHf7QWdRNkT71KmEcECQQDyHxSxM+rt94dP\n"
  "f/cOWUxh/IKx4BL7SEcESmEw94QKPjOPryuRSqOYYquEDvEUK14Leo5FLsk+k8qL\n"
  "2V9qRjdvAkEAwnrMbc0x7cDmJCHf9Wl6xurNjBrYckbo3jYD8OUsLUvET2PLQ7Je\n"
  "NhTkbu9IG418SMMiHhbUKIyd7ITrNvtcNQJAYE5kmKeiBs2ykLjBuH9kloUuJzqN\n"
  "0k3JkbdUOXn6l2hucfSnS794myCEQJ8A3Zjya3ZwKKyXd8CpjD8GaOtNGQJAPDB7\n"
  "MoRuLnIkCAy/3pk9mXC0Gud4E64khhlbkOOsj3xCjnuJPjNm+v/uTvMZcwWP8IkL\n"
  "9xoDoWUbv0bH8WVL/QJAflhpF6VMnBCJx8UwEg2tLccykQl4rcyJsJvJFeUozoke\n"
  "8OazEYT/OySXBJBLzQjX8vYblGyXFcVppOYGBOoUCA==\n"
  "-----END RSA PRIVATE KEY-----\n";

/* Another one. */
static const char test_key_other[] =
  "-----BEGIN RSA PRIVATE KEY-----\n"
  "MIICWwIBAAKBgQD4PWvKJA9ap7zP5oMZ4Z3cL1gL0kYgFJFslz/nK9prL1i/9Qy+\n"
  "TJFaJgobUOxmQbtz84dkh7VTwojz9JywGLCQ/ITZFiJ9Kv9d8OPmn8lbQRCPdjpR\n"
  "yuOsbXk1tBnHT76am2HQIER/RElwh9eL/yYbCGr4do+TfqAqwPyECxWUnwIDAQAB\n"
  "AoGASJXVHc87ehuP9w6FCR1Shl6FlTdP7/NzrlfvhI3rGOpIPiDOMBq9aamzzNb1\n"
  "uNTBlh8AWOHhoHNCjmrZIhimD7uGj2KUdaRSK9cWzJzhFldxtuNq9jmd3Q2VwZDR\n"
  "1AF43UEa0adzAmLw6blwnL9g/iPvsXYBP8s63nt6LlmXlTkCQQD/igs1YSIQ+BUf\n"
  "dPWvxG+cBebnKObFUwaYtjPUUUYmGOiek5osbIQ3oAx6ydnUyGGdh3pFT/OVI/dj\n"
  "4Blvzv9VAkEA+LACB6i0lW3CgKEOF2R2L0D/q/BixX5j7L5sUy/hIVpd+QKzqGjS\n"
  "bNfRbi7Pg/gKmgIiI5YIquOXI1Zlqq38IwJAVXk2EI/B1k00u4Xim/0nm9d5iX5r\n"
  "2jrQLQpcwbrBrQKN5GTYn91YSEbXhca4fuzbgdaL9l0sy4jxOc3+lCB31QJAMsDA\n"
  "+U0t5Z0r59J2rMF8+THbu/xoPAQKYqOOOf/4gzUNHqe1gLY706jL/h+hjD5P85Rh\n"
  "4T9ab33ZN4YHY6j0XwJAHV3LcTqy0WDlwkwtc3a5SmPGX9sItVschhTpm5pyArN8\n"
  "nM3K1ZPc8twuZoJ1LIQPcyr4Vwkdo65Bg8CKwR2UGQ==\n"
  "-----END RSA PRIVATE KEY-----\n";

/* RSA of 2048 bits. */
static const char test_key_long[] =
  "-----BEGIN RSA PRIVATE KEY-----\n"
  "MIIEowIBAAKCAQEA8vfTC8/meS3mm+chLRVPWOgg5XcSpIdW8OzUkCMEHd2TEW1l\n"
  "kHeRTZNghBwpaxBwUlKelk3eEe6yYJwUDh4lVk8asgaAAyR1u+OjHY8MwHGh2bzr\n"
  "AClnldOL9dDnUYkCkCHjIaV5oi7noPdMuKAcBFFO5o0Zs9RSGO9ttYukrQ0Vn+bE\n"
  "U7Vj5snMVJrBPt3Iw8u5zIE7A7qawsaHtSxPf03uecDrzwFdr63h7CTeQjIMkCqr\n"
  "MQB7Y1m/NS3OwhMwSBaGqbvQUqDv2Uw1XoypYjmD7es1nH7mPk8neG56sEX4Y3dA\n"
  "DTN37oqV2N+1bxgQldcinh4dEV4gIf/3R1TegwIDAQABAoIBAAvwqzRyERd0xAJ2\n"
  "sftZ3WkMb0wXipj/SwHSrFeGVlYeuh1/IiCetPX6VMyT6GJ/OlCGsuMcDIUWao8I\n"
  "3ItyZnn+r9x+fp1TlghCaupcSfojG3Bsh6Kdu54co/d+k/+TxhvN2TBMG4AhjKHX\n"
  "xV4asDBzdncqCVCnEdRxNROuOyIt4UDYvAFJXsvmxVSC4GY6bDlUns4H+V6yFUnu\n"
  "DK1uWFPTBknEXRMXaqnYoC5UQQ9aiC4xtjHzT6Xw+vz8D3Ho6Za4f2UQEW66KqWb\n"
  "2eZDK0hsykg39uOu9VYpr8qy+2cd9gFGqU0DncVKx8tjN0sr72LVtD5OanEtn82y\n"
  "Kn2YrwECgYEA+rWwYif2vbeuYo4Dx6d4Vh+JDaL+3HwB3NuPjt4UMfWzKgHVbCXR\n"
  "h9Ge616zHaRp1ryK03R6SWJiYgbzf8DTNHSWigYyllncx1/1oK8IakKs0TC2SHhL\n"
  "BrzMo857vBeIOXDh1bIf5y76pOrNmwyPqoHPlwjA+6aasJHrnTl1zMECgYEA+BhQ\n"
  "z7Op3rr8KBIjfOvnnGsRpR2TzEZEo7l7pzjjMkvr40ygm7yK5MN13qFwvbumA9nw\n"
  "W7YLqKhDHtAV0QwjP9fJDWs/y15871B+1xMOD0Bl9V/sPY6RX9BwLtjxW9A4b+R8\n"
  "8NHqYcdqBOTtzZHqSC7cv6xBrLW9lOwuMlRqSEMCgYEA6XvPunoRdnnbs/kiWAwF\n"
  "K9/OmZ6Uz+3FJlRsC9eS4zw5EQQIKOHHkz+LSxQ0p4R49P0+JNOzFyjDCxwCJZYE\n"
  "nDOABybicddan2skq/KWWa+ilmdRO4icBrhJtLwVzAP2X9ha2dM7lufPkUsDFETM\n"
  "fzTJiZUjdLmiEpKy5QegR4ECgYBJe1I8Ipe2q6VR7QVr06d3EdNZF2iWQV3FLIPu\n"
  "ZJAObqRAX4rWdcKhvS7lMOXmnHSwgVWKpGHRo3y13KYJk9HA8BXRjqmHf8X7T9kx\n"
  "tKgeZlGMmsuq89YlDeScS485RXPh2EgVP+du7JR/PJsenxBILvEdKFUPZYjwWf/Y\n"
  "0l3kZwKBgBqwcMC5ccXXarzQ+MbfwmbPqF60i8Q8bB0Z/8aeIEFH+qaXKE7nxTM5\n"
  "SFbalFZxMsHsK0H1UC+OvQcGX83F7hlednthLIxbdcTGVH2HZ1U9/UAv3u0vNCvB\n"
  "gIECt6qqNCETYVxwz4+B2GYR7dkyoGi8dPGVmccop/KpdeMC1k3J\n"
  "-----END RSA PRIVATE KEY-----\n";

/* RSA of 1088 bits. */
static const char test_key_odd_size[] =
  "-----BEGIN RSA PRIVATE KEY-----\n"
  "MIICgQIBAAKBiQDKaAZuyvnFiaBZghGo7wpYyUloMVhN+vZMQcqyLo5gcPdnzHZt\n"
  "XL9FCyGDMIJ1LhTd8XwxyOfNf9v4nfwKtJpz1yBIlo8pV+oBQkOHh6HGEqTGVbey\n"
  "UBkD0lrtW+dvJaS9BsorCWEHqqyKfatOKjnOwb9GfB3+QRqq5WX48mQHxvsnecqJ\n"
  "Eh/vAgMBAAECgYhHRyDUzWfuF4w/WR2s9xkWsTPHnHDzbShlLFocK2b6MW3+wLMH\n"
  "yjyVLNlNYLzgVS0GB69rvMtcw+UMBV6nyngFyUFWLgap8F+0d/vqLem0h+YF3P2V\n"
  "Rh+OBnGg/Rss8enZYOJj0/MX/TMYC33lF1nNcnjUxTtIfb/sbizgtqOLYnVVh6m8\n"
  "GaUhAkUA68dr7bsfTDPJS7uI53xVc1+x0Cp8UXlIUka0FSyMn4ymqu0BJcgEHBxy\n"
  "JhW/54HejX3xWkG+S3MEyQoC/rELdpGydP8CRQDbw+ZmG5FRy116puwT8e2BOlF4\n"
  "2Ab2qIB2k2rGSmvFbS/0JO4yuK9V7dp5vbq/vUWL0sWGgbt1zZ+OkU4ACNPgGTCl\n"
  "EQJEAK0lxhzPTiyn2yvCjMdyh04y+GHm0WUDrBi/03+5N4vzvnHHmxAj0uDSAwH0\n"
  "9vkMZmOCGbwui5Dc5qa8s3ZWjhSE6okCRQCwGhbyE30rci8CLehXQzHyr+zBTTqn\n"
  "RPdMDW0uYExj887NcRp/Aodd8C92BpczNlQYa1llI2g4SgFlmQJL/MbreMQGQQJF\n"
  "AIL7EJyQxp00w/bqm21VZo3evfOXxzWmlTTeWb0t5ZK2xL1vfKWe2Ts6hk6QO2RF\n"
  "FfgjQZ+y3mN8LNr0hQ39MpwwvJDf\n"
  "-----END RSA PRIVATE KEY-----\n";

/* P-256. */
static const char test_key_ec[] =
  "-----BEGIN EC PRIVATE KEY-----\n"
  "MHcCAQEEIHufx6BObTEF+ILmaVKBb4nt/1QYyLDRbOTqQPUWLOd9oAoGCCqGSM49\n"
  "AwEHoUQDQgAEa6vl1Lh1XIdpIWIJCLzsQcFc15mozhWASwYgOeqfCdYyNB+Ob17R\n"
  "CmlUlMt33S8nRSaBAtpJePZwCKwg3H1rrA==\n"
  "-----END EC PRIVATE KEY-----\n";
