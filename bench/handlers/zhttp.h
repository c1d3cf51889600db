// Packets of ZHTTP as the handler, and the load of `fetch`, read and write them: just the fields that the benches use.
#ifndef ZHTTP_H
#define ZHTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  MAX_IDS = 128,  // in one packet, by ZHTTP's practice
  MAX_ID_BYTES = 64,
  MAX_BODY_BYTES = 65536,  // in one packet that is written
};

// Ends the program with a message, and with it the bench.
_Noreturn void die(const char *format, ...);

struct text {
  const char *at;
  size_t length;
};

bool is(struct text text, const char *word);
bool starts(struct text text, const char *word);

struct packet {
  int ids;
  struct text id[MAX_IDS];
  int64_t seq[MAX_IDS];
  struct text from, type, uri, body, content_type, condition;
  int64_t credits, code;  // code -1: none
  bool more;
};

// Reads a packet; its texts point into the bytes. Dies of what is no packet.
void read_packet(struct text bytes, struct packet *packet);

// One packet is written at a time: `begin_packet`, its fields as raw tnetstrings, `end_packet`.
void begin_packet(void);
void put(const char *bytes, size_t length);
void put_sized(const char *bytes, size_t length, char type);
void put_number(int64_t value);
void put_text(struct text text);

// Appends a field, or more of them, written as a literal.
#define PUT(literal) put(literal, sizeof literal - 1)

// Ends the packet and returns it as it goes over the wire, valid until the next one: behind the address of the receiver,
// or without any if that is empty.
struct text end_packet(struct text address);

#endif
