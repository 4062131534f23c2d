// Puts values through libmodsecurity as one argument of a form: "<length>\n<bytes>" on standard input, "1" or "0" for each on standard output.
// cc -O2 modsecurity.c -lmodsecurity -o modsecurity && ./modsecurity RULES
#include <modsecurity/intervention.h>
#include <modsecurity/modsecurity.h>
#include <modsecurity/rules_set.h>
#include <modsecurity/transaction.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void quiet(void *data, const void *message) { (void)data; (void)message; }

int main(int argc, char **argv) {
  const char *error = NULL;
  if (argc != 2) return 2;
  ModSecurity *engine = msc_init();
  msc_set_connector_info(engine, "bench");
  msc_set_log_cb(engine, (ModSecLogCb)quiet);
  RulesSet *rules = msc_create_rules_set();
  if (msc_rules_add_file(rules, argv[1], &error) < 0) {
    fprintf(stderr, "%s\n", error == NULL ? "the rules cannot be read" : error);
    return 1;
  }
  size_t length;
  while (scanf("%zu", &length) == 1) {
    getchar();
    char *body = malloc(length + 1);
    if (fread(body, 1, length, stdin) != length) return 1;
    body[length] = 0;
    Transaction *transaction = msc_new_transaction(engine, rules, NULL);
    ModSecurityIntervention intervention = {200, 0, NULL, NULL, 0};
    char size[32];
    snprintf(size, sizeof size, "%zu", length);
    msc_process_connection(transaction, "127.0.0.1", 4000, "127.0.0.1", 80);
    msc_process_uri(transaction, "/mcp", "POST", "1.1");
    msc_add_request_header(transaction, (const unsigned char *)"Host", (const unsigned char *)"example.com");
    msc_add_request_header(transaction, (const unsigned char *)"User-Agent", (const unsigned char *)"Mozilla/5.0");
    msc_add_request_header(transaction, (const unsigned char *)"Accept", (const unsigned char *)"*/*");
    msc_add_request_header(transaction, (const unsigned char *)"Content-Type", (const unsigned char *)"application/x-www-form-urlencoded");
    msc_add_request_header(transaction, (const unsigned char *)"Content-Length", (const unsigned char *)size);
    msc_process_request_headers(transaction);
    msc_append_request_body(transaction, (const unsigned char *)body, length);
    msc_process_request_body(transaction);
    putchar(msc_intervention(transaction, &intervention) && intervention.disruptive ? '1' : '0');
    putchar('\n');
    msc_transaction_cleanup(transaction);
    free(body);
  }
  return 0;
}
