-- How many workers in scope each rule keeps from being sent, each counted once, by the first rule that they fail.
SELECT reason, count(*) AS number
FROM (
    SELECT CASE
        WHEN r.pool <> ALL (CAST(:pools AS text[])) THEN 'other_pool'
        WHEN NOT r.on_duty THEN 'off_duty'
        WHEN :needs_skill AND NOT r.skills && CAST(:skills AS int[]) THEN 'no_skill'
        WHEN r.load >= least(r.cap, :cap) THEN 'at_cap'
        WHEN ST_Distance(r.point, ST_SetSRID(ST_MakePoint(:x, :y), :srid)) > :max_distance_m THEN 'too_far'
    END AS reason
    FROM responder AS r
    JOIN worker AS w ON w.id = r.worker_id
) AS judged
WHERE reason IS NOT NULL
GROUP BY reason
