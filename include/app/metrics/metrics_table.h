/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics_table.h - every metric there is, in one table: METRIC(id, type, name, labels, scale,
 * help).
 *
 * Labels are names separated by blanks, at most three; their values come from the configuration
 * or from Kafka's topics, never from an event. Values are kept as whole numbers; `scale` of
 * them, a power of ten, are one of the unit in the name. The original's metrics
 * (doc/eventbridge.md, Metrics) have its names. A family of which nobody has obtained an
 * instance is not shown. Include with METRIC defined.
 */
/* clang-format off */

/* What comes in. */
METRIC(EVENTS, COUNTER, "postrider_events_total", "lane", 1, "Records taken up.")
METRIC(MATCHED_EVENTS, COUNTER, "postrider_matched_events_total", "lane", 1, "Records that matched at least one rule.")
METRIC(TRIGGERED_RULES, COUNTER, "postrider_triggered_rules_total", "rule", 1, "Times that a rule matched.")
METRIC(INVALID_EVENTS, COUNTER, "postrider_invalid_events_total", "lane", 1, "Records that are not valid events: not JSON, too deep, too large.")
METRIC(TOMBSTONES, COUNTER, "postrider_tombstones_total", "lane", 1, "Records without a value, which are settled at once.")
METRIC(SKIPPED_EVENTS, COUNTER, "postrider_skipped_events_total", "lane", 1, "Records that an earlier assignment had settled already.")
METRIC(LOST_RECORDS, COUNTER, "postrider_lost_records_total", "lane", 1, "Records that retention removed before they were read.")

/* Deliveries. */
METRIC(INVOCATIONS_CREATED, COUNTER, "postrider_invocations_created_total", "rule target", 1, "Deliveries made by matches.")
METRIC(INVOCATIONS, COUNTER, "postrider_invocations_total", "rule target", 1, "Deliveries ended: succeeded or failed for good.")
METRIC(FAILED_INVOCATIONS, COUNTER, "postrider_failed_invocations_total", "rule target", 1, "Deliveries failed for good.")
METRIC(SENT_TO_DLQ, COUNTER, "postrider_invocations_sent_to_dlq_total", "rule target", 1, "Dead letters acknowledged by Kafka; those of records that are no event have no rule.")
METRIC(DEAD_LETTERS, COUNTER, "postrider_dead_letters_total", "code", 1, "The same by error code: why deliveries failed for good.")
METRIC(DLQ_FAILURES, COUNTER, "postrider_invocations_failed_to_be_sent_to_dlq_total", "topic", 1, "Tries to write a dead letter that Kafka refused; each is tried again until it succeeds.")
METRIC(DROPPED, COUNTER, "postrider_invocations_dropped_total", "rule target", 1, "Deliveries failed for good whose target has dead_letter_topic \"none\".")
METRIC(INVOCATION_ATTEMPTS, COUNTER, "postrider_invocation_attempts_total", "destination", 1, "Requests made, retries included.")
METRIC(SUCCESSFUL_ATTEMPTS, COUNTER, "postrider_successful_invocation_attempts_total", "destination", 1, "Requests answered with 2xx.")
METRIC(RETRY_ATTEMPTS, COUNTER, "postrider_retry_invocation_attempts_total", "destination", 1, "Requests that were retries.")
METRIC(THROTTLED, COUNTER, "postrider_throttled_invocation_attempts_total", "destination", 1, "Requests answered with 429.")
METRIC(RESPONSE_RULE, COUNTER, "postrider_response_rule_total", "destination rule outcome", 1, "Replies that a response rule decided.")
METRIC(BODIES_UNREAD, COUNTER, "postrider_reply_bodies_unread_total", "destination", 1, "Replies whose status counted although they broke off, were too long or took too long.")
METRIC(REQUESTS_RESENT, COUNTER, "postrider_requests_resent_total", "destination", 1, "Requests sent once more, on a new connection, since the one that was kept had died.")
METRIC(SHORTAGES, COUNTER, "postrider_shortages_total", "destination", 1, "Requests that could not be made for want of descriptors, ports or memory here; they wait.")
METRIC(REAUTHORIZATIONS, COUNTER, "postrider_reauthorizations_total", "destination", 1, "Requests whose token was refused and renewed.")
METRIC(RESPONSES, COUNTER, "postrider_responses_total", "destination class", 1, "Replies by class of status, and failures of the transport by name.")
METRIC(ATTEMPT_SECONDS, HISTOGRAM, "postrider_invocation_attempt_seconds", "destination", 1000000, "From the start of a request to its end.")
METRIC(EVENT_SECONDS, HISTOGRAM, "postrider_ingestion_to_complete_seconds", "destination", 1000000, "From taking up a record to the end of its delivery.")
METRIC(EVENT_AGE, HISTOGRAM, "postrider_event_to_complete_seconds", "destination", 1000000, "From the record's timestamp to the end of its delivery.")
METRIC(QUEUE_SECONDS, HISTOGRAM, "postrider_queue_wait_seconds", "destination", 1000000, "From taking up a record to its first request.")
METRIC(CONNECT_SECONDS, HISTOGRAM, "postrider_request_connect_seconds", "destination", 1000000, "Of new connections: name and TCP.")
METRIC(TLS_SECONDS, HISTOGRAM, "postrider_request_tls_seconds", "destination", 1000000, "Of new connections: the TLS handshake.")
METRIC(FIRST_BYTE_SECONDS, HISTOGRAM, "postrider_request_first_byte_seconds", "destination", 1000000, "From the start of a request to the first byte of its reply.")

METRIC(SPANS, COUNTER, "postrider_spans_total", "", 1, "Spans that the collector took.")
METRIC(SPANS_DROPPED, COUNTER, "postrider_spans_dropped_total", "", 1, "Spans that were dropped: too many at once, or the collector did not take them.")

/* Destinations, as they are. */
METRIC(IN_FLIGHT, GAUGE, "postrider_in_flight", "destination", 1, "Requests on the wire.")
METRIC(WINDOW, GAUGE, "postrider_window", "destination", 1, "Requests that may be on the wire.")
METRIC(QUEUED, GAUGE, "postrider_queued_deliveries", "destination", 1, "Deliveries that wait in the gate.")
METRIC(WAITING, GAUGE, "postrider_waiting_deliveries", "destination", 1, "Of these, those that wait for their retry.")
METRIC(BREAKER_OPEN, GAUGE, "postrider_breaker_open", "destination", 1, "1 while the breaker is not closed.")
METRIC(BREAKER_CHANGES, COUNTER, "postrider_breaker_changes_total", "destination", 1, "Changes of the breaker's state.")
METRIC(GUARD_PAUSED, GAUGE, "postrider_dead_letter_guard_paused", "destination", 1, "1 while deliveries are held because nearly all fail for good, for one reason.")
METRIC(RATE_WAITED, COUNTER, "postrider_rate_limit_wait_seconds_total", "destination", 1000, "Time in which only the rate limit held something back.")
METRIC(CONNECTIONS_OPEN, GAUGE, "postrider_connections_open", "destination", 1, "Open HTTP connections.")
METRIC(CONNECTIONS_OPENED, COUNTER, "postrider_connections_opened_total", "destination", 1, "HTTP connections made.")

/* Connections. */
METRIC(AUTHORIZED, GAUGE, "postrider_connection_authorized", "connection", 1, "1 while there are credentials.")
METRIC(TOKEN_AGE, GAUGE, "postrider_token_age_seconds", "connection", 1000, "Age of the access token.")
METRIC(TOKEN_EXPIRES, GAUGE, "postrider_token_expires_in_seconds", "connection", 1000, "Time until the access token expires.")
METRIC(TOKEN_REFRESHES, COUNTER, "postrider_token_refreshes_total", "connection", 1, "Access tokens got.")
METRIC(TOKEN_FAILURES, COUNTER, "postrider_token_refresh_failures_total", "connection", 1, "Requests for an access token that failed.")

/* Lanes. */
METRIC(OPEN_DELIVERIES, GAUGE, "postrider_open_deliveries", "lane", 1, "Deliveries that are not settled.")
METRIC(OPEN_BYTES, GAUGE, "postrider_open_bytes", "lane", 1, "Memory of the records held and of the bodies made of them.")
METRIC(READING_STOPPED, GAUGE, "postrider_reading_stopped", "lane", 1, "1 while the lane does not read because a limit is reached.")
METRIC(LAG, GAUGE, "postrider_lag_records", "lane topic partition", 1, "Records from the committed position to the end of the partition as the broker says; absent while either is unknown.")
METRIC(PARTITION_FAILING, GAUGE, "postrider_partition_failing", "lane topic partition", 1, "1 while the partition cannot be read; the status says why.")
METRIC(OPEN_RECORDS, GAUGE, "postrider_open_records", "lane topic partition", 1, "Records taken up and not settled.")
METRIC(RETENTION_USED, GAUGE, "postrider_retention_used_ratio", "lane topic partition", 1000, "Age of the oldest open record as a share of its topic's retention: near 1, what waits behind it is lost.")
METRIC(OLDEST_OPEN, GAUGE, "postrider_oldest_open_record_age_seconds", "lane topic partition", 1000, "Age of the oldest record that is not settled.")
METRIC(MAP_BYTES, GAUGE, "postrider_commit_metadata_bytes", "lane topic partition", 1, "Length of the completion map last committed.")
METRIC(PARTITION_HELD, GAUGE, "postrider_partition_held", "lane topic partition", 1, "1 while the partition is not read because its completion map is nearly full.")
METRIC(ASSIGNED, GAUGE, "postrider_assigned_partitions", "lane", 1, "Partitions assigned to this process.")
METRIC(COMMITS, COUNTER, "postrider_commits_total", "lane", 1, "Commits answered.")
METRIC(COMMIT_FAILURES, COUNTER, "postrider_commit_failures_total", "lane", 1, "Commits refused.")
METRIC(COMMIT_SECONDS, HISTOGRAM, "postrider_commit_seconds", "lane", 1000000, "From sending a commit to its answer.")
METRIC(REBALANCES, COUNTER, "postrider_rebalances_total", "lane", 1, "Assignments and revocations.")
METRIC(UNREADY, GAUGE, "postrider_lane_unready", "lane", 1, "Workers whose consumer is not a member of its group: while there is one, /readyz says 503.")
METRIC(KAFKA_REACHABLE, GAUGE, "postrider_kafka_reachable", "lane", 1, "1 while a broker answers.")

/* The process. */
METRIC(LETTERS_PENDING, GAUGE, "postrider_dead_letters_pending", "", 1, "Dead letters that Kafka has not acknowledged.")
METRIC(LETTER_TOPIC_FAILING, GAUGE, "postrider_dead_letter_topic_failing", "topic", 1, "1 while dead letters can't be written to the topic; offsets wait for it.")
METRIC(MEMORY_LIMIT, GAUGE, "postrider_open_limit_bytes", "", 1, "Memory that the records held may take: max_memory.")
METRIC(DELIVERIES_LIMIT, GAUGE, "postrider_open_deliveries_limit", "", 1, "Deliveries that may be open: max_in_flight.")
METRIC(LOOP_STALLS, COUNTER, "postrider_loop_stalls_total", "worker", 1, "Passes of the loop that took longer than 100 ms.")
METRIC(LOOP_STALL, GAUGE, "postrider_loop_longest_pass_seconds", "worker", 1000000, "Longest pass of the loop in the last second.")
METRIC(RELOAD_SUCCESSFUL, GAUGE, "postrider_config_last_reload_successful", "", 1, "1 when the last configuration read is in force.")
METRIC(RELOADS, COUNTER, "postrider_config_reloads_total", "result", 1, "Times that the configuration was read again: applied, or refused.")
METRIC(RELOAD_TIME, GAUGE, "postrider_config_last_reload_success_timestamp_seconds", "", 1000, "When the configuration in force was read.")
METRIC(BUILD_INFO, GAUGE, "postrider_build_info", "version librdkafka libcurl", 1, "Always 1; the labels are the versions of Postrider and of the libraries that it runs with.")
METRIC(CPU_SECONDS, COUNTER, "process_cpu_seconds_total", "", 1000000, "User and system time.")
METRIC(RESIDENT_BYTES, GAUGE, "process_resident_memory_bytes", "", 1, "Resident memory.")
METRIC(VIRTUAL_BYTES, GAUGE, "process_virtual_memory_bytes", "", 1, "Virtual memory.")
METRIC(OPEN_FDS, GAUGE, "process_open_fds", "", 1, "Open file descriptors.")
METRIC(MAX_FDS, GAUGE, "process_max_fds", "", 1, "File descriptors that may be open (LimitNOFILE, ulimit).")
METRIC(START_TIME, GAUGE, "process_start_time_seconds", "", 1000, "When the process started.")
/* clang-format on */
