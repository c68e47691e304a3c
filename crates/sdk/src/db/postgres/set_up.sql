-- What every role may do in a database is taken back, as far as tenants could reach each other or the server by it.
-- Needs a superuser. Changes nothing where it was done before.
BEGIN;
SELECT pg_advisory_xact_lock(7525196);
DO $do$
DECLARE
    found regprocedure;
    language name;
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    REVOKE ALL ON SCHEMA public FROM PUBLIC;

    -- Code in functions is seen by no filter of statements.
    FOR language IN SELECT lanname FROM pg_language WHERE lanpltrusted LOOP
        EXECUTE format('REVOKE USAGE ON LANGUAGE %I FROM PUBLIC', language);
    END LOOP;

    -- Functions that change something (settings, locks, files, other sessions) are volatile. These alone are harmless.
    -- And some that change nothing tell of the server, or of others' tables.
    FOR found IN
        SELECT oid::regprocedure FROM pg_proc
        WHERE pronamespace = 'pg_catalog'::regnamespace AND has_function_privilege('public', oid, 'EXECUTE')
        AND (
            provolatile = 'v' AND proname NOT IN (
                'random', 'random_normal', 'clock_timestamp', 'timeofday', 'nextval', 'setval', 'currval', 'lastval',
                'gen_random_uuid', 'uuidv4', 'uuidv7'
            )
            OR proname ~ '^(pg_stat|pg_ls_|pg_show_|pg_hba|pg_ident|pg_lock|pg_blocking|pg_safe_snapshot|pg_cursor)'
            OR proname ~ '^(pg_prepared|pg_available_ext|pg_extension|pg_config|pg_control|pg_read|pg_current_logfile)'
            OR proname ~ '^pg_get_(viewdef|functiondef|ruledef|triggerdef|indexdef|constraintdef|statisticsobjdef|partkeydef)'
            OR proname ~ '^pg_get_(multixact|replication|shmem|backend|wait|publication|wal|userbyid)'
            OR proname ~ '^(pg_(total_)?relation_|pg_table_size|pg_indexes_size|pg_database_size|pg_tablespace)'
            OR proname ~ '^(inet_(server|client)|pg_backend_pid|pg_postmaster|pg_conf|pg_is_in|pg_is_wal|pg_last_|pg_event_trigger)'
            OR proname ~ '(to_xml|to_xmlschema|to_xml_and_xmlschema)$'
            OR proname IN ('current_setting', 'ts_stat', 'pg_tablespace_location', 'pg_my_temp_schema')
        )
    LOOP
        EXECUTE format('REVOKE EXECUTE ON ROUTINE %s FROM PUBLIC', found);
    END LOOP;

    -- Catalogues name everybody's tables and roles. Who needs those of its own finds them in information_schema.
    REVOKE ALL ON ALL TABLES IN SCHEMA pg_catalog FROM PUBLIC;
END
$do$;
COMMIT;
