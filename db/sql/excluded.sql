-- How many responders in scope each rule keeps from being sent, each counted once, by the first rule that they fail;
-- `eligible` are those whom only distance could keep.
SELECT coalesce(reason, 'eligible') AS reason, count(*) AS number
FROM (
    SELECT CASE
        WHEN r.pool <> ALL (CAST(:pools AS text[])) THEN 'other_pool'
        WHEN NOT r.on_duty THEN 'off_duty'
        WHEN (:needs_post AND r.post <> ALL (CAST(:posts AS text[])))
            OR (:needs_origin AND r.origin <> ALL (CAST(:origins AS text[]))) THEN 'other_role'
        WHEN :needs_skill AND NOT r.skills && CAST(:skills AS int[]) THEN 'no_skill'
        WHEN r.worker_id = ANY (CAST(:sent AS bigint[])) THEN 'sent'
        WHEN r.load >= least(r.cap, :cap) THEN 'at_cap'
        WHEN r.worker_id = ANY (CAST(:declined AS bigint[])) THEN 'declined'
        WHEN r.finished_at > :rested THEN 'resting'
        WHEN :excludes_stale AND r.positioned_at < :fresh_since THEN 'stale'
    END AS reason
    FROM responder AS r
    WHERE starts_with(r.grid_code, :scope)
) AS judged
GROUP BY reason
