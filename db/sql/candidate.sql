-- One named worker as a candidate, whatever the rules would say: an override is judged by the claim alone.
SELECT w.id AS worker_id, w.code, mask_name(w.full_name) AS name, w.post, w.grid_code, r.pool, r.on_duty, r.load,
    least(r.cap, :cap) AS cap, r.skills, r.positioned_at, r.idle_since,
    ST_X(at.geom) AS lon, ST_Y(at.geom) AS lat,
    ST_Distance(at.geom::geography, place.geom::geography) AS distance_m,
    ARRAY(
        WITH RECURSIVE chain AS (
            SELECT g.code, g.parent_code, 0 AS height FROM grid AS g WHERE g.code = w.grid_code
            UNION ALL
            SELECT g.code, g.parent_code, c.height + 1 FROM chain AS c JOIN grid AS g ON g.code = c.parent_code
        )
        SELECT code FROM chain ORDER BY height
    ) AS grid_chain
FROM worker AS w
JOIN responder AS r ON r.worker_id = w.id
CROSS JOIN (SELECT ST_SetSRID(ST_MakePoint(:lon, :lat), 4490) AS geom) AS place
CROSS JOIN LATERAL (SELECT ST_Transform(r.point, 4490) AS geom) AS at
WHERE w.code = :worker
