/* The same as handler.py in C, with libzmq alone. Headers are a tnetstring dictionary here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

static void require(int holds, const char *what) {
  if (holds) return;
  fprintf(stderr, "%s\n", what);
  exit(1);
}

/* Reads the length of a tnetstring; the data is after the colon. */
static size_t length_at(const char **at, const char *end) {
  size_t length = 0;
  const char *digit = *at;
  while (digit < end && *digit >= '0' && *digit <= '9') length = length * 10 + (size_t)(*digit++ - '0');
  require(digit > *at && digit < end && *digit == ':', "expected a length");
  *at = digit + 1;
  require(length < (size_t)(end - *at), "the data is truncated");
  return length;
}

/* Prints the value of a key of the dictionary from `at` to `end`. */
static void print_value(const char *at, const char *end, const char *key) {
  while (at < end) {
    size_t key_length = length_at(&at, end);
    int found = key_length == strlen(key) && memcmp(at, key, key_length) == 0;
    require(at[key_length] == ',', "the key is no string");
    at += key_length + 1;
    size_t value_length = length_at(&at, end);
    if (found) {
      printf("%.*s", (int)value_length, at);
      return;
    }
    at += value_length + 1;
  }
  require(0, "the header is missing");
}

static void take(void *context, const char *endpoint) {
  void *socket = zmq_socket(context, ZMQ_PULL);
  require(zmq_connect(socket, endpoint) == 0, "cannot connect");
  printf("ready\n");
  fflush(stdout);
  for (;;) {
    zmq_msg_t message;
    zmq_msg_init(&message);
    require(zmq_msg_recv(&message, socket, 0) >= 0, "cannot receive");
    const char *start = zmq_msg_data(&message);
    const char *end = start + zmq_msg_size(&message);
    const char *at = start;
    for (int spaces = 0; spaces < 3; at++) {
      require(at < end, "expected three words");
      if (*at == ' ') spaces++;
    }
    printf("%.*s", (int)(at - start), start);
    size_t length = length_at(&at, end);
    require(at[length] == '}', "the headers are no dictionary");
    print_value(at, at + length, "METHOD");
    at += length + 1;
    length = length_at(&at, end);
    require(at + length + 1 == end && at[length] == ',', "the body is no string");
    printf(" %zu\n", length);
    fflush(stdout);
    zmq_msg_close(&message);
  }
}

/* Resolves \r, \n and \xHH in place. Returns the length. */
static size_t unescape(char *text) {
  char *to = text;
  for (char *at = text; *at != '\0'; to++) {
    if (*at != '\\') {
      *to = *at++;
    } else if (at[1] == 'x') {
      char digits[3] = {at[2], at[3], '\0'};
      *to = (char)strtoul(digits, NULL, 16);
      at += 4;
    } else {
      *to = at[1] == 'r' ? '\r' : '\n';
      at += 2;
    }
  }
  return (size_t)(to - text);
}

static void answer(void *context, const char *endpoint, const char *uuid) {
  void *socket = zmq_socket(context, ZMQ_XPUB);
  int linger = 10000;
  zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger);
  require(zmq_connect(socket, endpoint) == 0, "cannot connect");
  char subscription[256];
  require(zmq_recv(socket, subscription, sizeof subscription, 0) >= 0, "cannot receive");
  printf("ready\n");
  fflush(stdout);
  char *line = NULL;
  size_t capacity = 0;
  while (getline(&line, &capacity, stdin) > 0) {
    line[strcspn(line, "\n")] = '\0';
    char *tab = strchr(line, '\t');
    require(tab != NULL, "expected a tab");
    *tab = '\0';
    char *body = tab + 1;
    size_t body_length = unescape(body);
    size_t room = strlen(uuid) + strlen(line) + 32;
    char *message = malloc(room + body_length);
    require(message != NULL, "out of memory");
    int head = snprintf(message, room, "%s %zu:%s, ", uuid, strlen(line), line);
    memcpy(message + head, body, body_length);
    require(zmq_send(socket, message, (size_t)head + body_length, 0) >= 0, "cannot send");
    free(message);
  }
  free(line);
  zmq_close(socket);
  zmq_ctx_term(context);
}

int main(int count, char **words) {
  void *context = zmq_ctx_new();
  if (count == 3 && strcmp(words[1], "take") == 0) take(context, words[2]);
  else if (count == 4 && strcmp(words[1], "answer") == 0) answer(context, words[2], words[3]);
  else require(0, "usage: handler take SEND_SPEC | answer RECV_SPEC UUID");
  return 0;
}
