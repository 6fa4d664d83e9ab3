"""The best threshold by IoU: ThresholdCurves beside sklearn.metrics.roc_curve on all raw scores.

15 % of the pixels are foreground, scores come from Beta distributions; each run is a fresh process, and the medians of the rounds are
printed: seconds, ratio, growth of the peak memory while counting, the threshold and the IoU that the raw pixels have there.

    python bench/thresholds.py [--sizes 5e6,2.5e7] [--rounds 3] [--skip_sklearn]
"""
import argparse, json, os, resource, subprocess, sys, tempfile, time
from pathlib import Path

ap = argparse.ArgumentParser()
ap.add_argument('--sizes', default='5e6,2.5e7'); ap.add_argument('--rounds', type=int, default=3)
ap.add_argument('--skip_sklearn', action='store_true'); ap.add_argument('--one', default='', help=argparse.SUPPRESS); ap.add_argument('--data', default='', help=argparse.SUPPRESS)
A = ap.parse_args()

def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/1024

def make(path, n, side=5000):
    "Scores `(2,H,W)` and a mask `(H,W)`, as a tile of `side` columns has them, written in pieces."
    import numpy as np
    rng,h = np.random.default_rng(0),n//side
    probs = np.lib.format.open_memmap(f'{path}/probs.npy', 'w+', np.float32, (2,h,side)); mask = np.lib.format.open_memmap(f'{path}/mask.npy', 'w+', np.uint8, (h,side))
    for y in range(0, h, 500):
        m = rng.random((min(500, h-y), side))<.15
        s = np.empty(m.shape, np.float32); s[m] = rng.beta(4, 1.5, m.sum()); s[~m] = rng.beta(1, 6, (~m).sum())
        probs[0,y:y+500],probs[1,y:y+500],mask[y:y+500] = 1-s,s,m

def ours(probs, mask):
    from aerialfast.curves import ThresholdCurves
    return ThresholdCurves(2).update(probs, mask).best('iou').thresh

def sklearn(probs, mask):
    from sklearn.metrics import roc_curve
    y,s = mask.ravel(),probs[1].ravel()
    fpr,tpr,thresh = roc_curve(y, s)
    P = int(y.sum(dtype=int)); N = len(y)-P
    return float(thresh[(tpr*P/(P+fpr*N)).argmax()])

def one(f):
    import numpy as np, sklearn.metrics
    from aerialfast.curves import ThresholdCurves
    small = np.linspace(0, 1, 1_000_000, dtype=np.float32).reshape(1000,1000)
    f(np.stack([1-small, small]), (small>.4).astype(np.uint8))                           # everything is imported and warm
    probs,mask = np.load(A.data+'/probs.npy'),np.load(A.data+'/mask.npy')
    before,t = peak(),time.perf_counter()
    thresh = f(probs, mask)
    t,after = time.perf_counter()-t,peak()
    found = probs[1]>=np.float32(thresh)
    print(json.dumps(dict(s=t, grow=after-before, thresh=thresh, iou=float((found & (mask==1)).sum()/(found | (mask==1)).sum()))))

def main():
    if A.one: return one(dict(ours=ours, sklearn=sklearn)[A.one])
    import numpy as np
    print(f'python {sys.version.split()[0]}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {A.rounds} rounds')
    print('| pixels | | s | times faster | added MB | threshold | IoU there |\n|---|---|---|---|---|---|---|')
    for n in (int(float(s)) for s in A.sizes.split(',')):
        with tempfile.TemporaryDirectory() as tmp:
            make(tmp, n)
            runs = {k: [] for k in (['ours'] if A.skip_sklearn else ['sklearn','ours'])}
            for _ in range(A.rounds):
                for k,got in runs.items():
                    r = subprocess.run([sys.executable, __file__, '--one', k, '--data', tmp], capture_output=True, text=True)
                    if r.returncode: sys.exit(r.stderr)
                    got.append(json.loads(r.stdout.strip().splitlines()[-1]))
        med = {k: {f: float(np.median([g[f] for g in got])) for f in got[0]} for k,got in runs.items()}
        ratio = np.median([a['s']/b['s'] for a,b in zip(runs.get('sklearn', []), runs['ours'])]) if 'sklearn' in runs else float('nan')
        for k,d in med.items():
            print(f"| {n:.3g} | {k} | {d['s']:.3f} | {ratio if k=='ours' else 1:.1f} | {d['grow']:.0f} | {d['thresh']:.6f} | {d['iou']:.6f} |", flush=True)

if __name__ == '__main__': main()
