/*
 * The load client of the net rows. Prints one figure.
 *
 *     client echo PORT SIZE CONNECTIONS SECONDS     round trips per second
 *     client tls PORT SIZE CONNECTIONS SECONDS      the same on one TLS connection (built with -DTLS)
 *     client connections PORT SECONDS               connect, one byte there and back, reset: per second
 *     client send PORT BYTES                        MB/s into a server that answers one byte at the end
 *     client lines PORT COUNT                       lines of 64 bytes per second, likewise
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#ifdef TLS
#include <openssl/ssl.h>
#endif

static const double warm_up = 0.3;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static int dial(int port) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) fail("socket");
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) fail("connect");
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

static void send_all(int fd, const char *data, size_t size) {
  while (size > 0) {
    ssize_t n = write(fd, data, size);
    if (n < 0) fail("write");
    data += n;
    size -= n;
  }
}

/* One connection: plain blocking calls, the least a client can cost. */
static double echo_one(int port, int size, double seconds) {
  int fd = dial(port);
  char *out = calloc(1, size), *in = malloc(size);
  double start = now() + warm_up, end = start + seconds;
  long count = 0;
  for (double time = now(); time < end; time = now()) {
    send_all(fd, out, size);
    for (int got = 0; got < size;) {
      ssize_t n = read(fd, in + got, size - got);
      if (n <= 0) fail("read");
      got += n;
    }
    if (time >= start) count++;
  }
  return count / seconds;
}

/* Each connection has one message under way. */
static double echo_many(int port, int size, int connections, double seconds) {
  int poll = epoll_create1(0);
  int *missing = calloc(connections, sizeof *missing), *fds = calloc(connections, sizeof *fds);
  char *out = calloc(1, size), *in = malloc(size);
  for (int i = 0; i < connections; i++) {
    fds[i] = dial(port);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
    if (epoll_ctl(poll, EPOLL_CTL_ADD, fds[i], &event) < 0) fail("epoll_ctl");
    missing[i] = size;
    send_all(fds[i], out, size);
  }
  double start = now() + warm_up, end = start + seconds;
  long count = 0;
  struct epoll_event events[128];
  for (double time = now(); time < end; time = now()) {
    int ready = epoll_wait(poll, events, 128, 1000);
    if (ready < 0 && errno != EINTR) fail("epoll_wait");
    for (int i = 0; i < ready; i++) {
      int at = events[i].data.u32;
      ssize_t n = read(fds[at], in, missing[at]);
      if (n <= 0) fail("read");
      missing[at] -= n;
      if (missing[at] > 0) continue;
      missing[at] = size;
      if (time >= start) count++;
      send_all(fds[at], out, size);
    }
  }
  return count / seconds;
}

static double connections(int port, double seconds) {
  double start = now() + warm_up, end = start + seconds;
  long count = 0;
  for (double time = now(); time < end; time = now()) {
    int fd = dial(port);
    char byte = 0;
    send_all(fd, &byte, 1);
    if (read(fd, &byte, 1) != 1) fail("read");
    /* A reset leaves no port in TIME_WAIT. */
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    close(fd);
    if (time >= start) count++;
  }
  return count / seconds;
}

/* Sends `bytes` bytes, a line feed every 64, and gives the seconds until the server has answered. */
static double send_bytes(int port, long bytes) {
  int fd = dial(port);
  static char block[1 << 18];
  memset(block, 'x', sizeof block);
  for (size_t i = 63; i < sizeof block; i += 64) block[i] = '\n';
  double start = now();
  for (long left = bytes; left > 0;) {
    long size = left < (long)sizeof block ? left : (long)sizeof block;
    send_all(fd, block, size);
    left -= size;
  }
  shutdown(fd, SHUT_WR);
  char byte;
  if (read(fd, &byte, 1) != 1) fail("read");
  return now() - start;
}

#ifdef TLS
static double echo_tls(int port, int size, double seconds) {
  SSL_CTX *context = SSL_CTX_new(TLS_client_method());
  SSL *ssl = SSL_new(context);
  SSL_set_fd(ssl, dial(port));
  if (SSL_connect(ssl) != 1) fail("SSL_connect");
  char *out = calloc(1, size), *in = malloc(size);
  double start = now() + warm_up, end = start + seconds;
  long count = 0;
  for (double time = now(); time < end; time = now()) {
    if (SSL_write(ssl, out, size) != size) fail("SSL_write");
    for (int got = 0; got < size;) {
      int n = SSL_read(ssl, in + got, size - got);
      if (n <= 0) fail("SSL_read");
      got += n;
    }
    if (time >= start) count++;
  }
  return count / seconds;
}
#endif

int main(int count, char **args) {
  if (count < 4) return 2;
  const char *work = args[1];
  int port = atoi(args[2]);
  double figure = 0;
  if (!strcmp(work, "echo") && count == 6) {
    int size = atoi(args[3]), many = atoi(args[4]);
    double seconds = atof(args[5]);
    figure = many == 1 ? echo_one(port, size, seconds) : echo_many(port, size, many, seconds);
  } else if (!strcmp(work, "connections")) {
    figure = connections(port, atof(args[3]));
  } else if (!strcmp(work, "send")) {
    figure = atol(args[3]) / 1e6 / send_bytes(port, atol(args[3]));
  } else if (!strcmp(work, "lines")) {
    figure = atol(args[3]) / send_bytes(port, atol(args[3]) * 64);
#ifdef TLS
  } else if (!strcmp(work, "tls") && count == 6) {
    figure = echo_tls(port, atoi(args[3]), atof(args[5]));
#endif
  } else {
    return 2;
  }
  printf("%.1f\n", figure);
  return 0;
}
