"""How far blended maps are off, at the border and inside, where the answer is known: a constant and a ramp through a function that gives its input back.

    python bench/edges.py [--methods ours,monai,toolbelt]

Sizes that no patch divides; patches of 256 px with half overlap, weights as each library has them by default for overlapping patches.
"""
import argparse, tempfile, warnings; warnings.filterwarnings('ignore')
from pathlib import Path
ap = argparse.ArgumentParser(); ap.add_argument('--methods', default='ours,monai,toolbelt'); A = ap.parse_args()
import numpy as np, rasterio, torch
SZ = 256

def ours(a):
    from aerialfast.prediction import predict_tile
    from aerialfast.rasters import Tile
    with tempfile.TemporaryDirectory() as d:
        with rasterio.open(f'{d}/a.tif', 'w', driver='GTiff', count=1, height=a.shape[0], width=a.shape[1], dtype='float32') as f: f.write(a[None])
        return Tile(predict_tile(lambda x: x, f'{d}/a.tif', f'{d}/b.tif', sz=SZ, outputs='probs')).raw(0, 0, *a.shape)[0]
def monai(a):
    from monai.inferers import sliding_window_inference
    return sliding_window_inference(torch.from_numpy(a)[None,None], (SZ,SZ), 1, lambda x: x.clone(), overlap=.5, mode='gaussian')[0,0].numpy()
def toolbelt(a):
    from pytorch_toolbelt.inference.tiles import ImageSlicer,TileMerger
    im = a[...,None]
    cut = ImageSlicer(im.shape, SZ, SZ//2, weight='pyramid'); out = TileMerger(cut.target_shape, 1, cut.weight)
    for tile,at in cut.iter_split(im): out.integrate_batch(torch.from_numpy(tile.transpose(2,0,1).copy())[None], [at])
    return cut.crop_to_orignal_size(out.merge().numpy().transpose(1,2,0))[...,0]

print('| raster | method | largest error inside | within 32 px of the border |\n|---|---|---|---|')
for h,w in ((1000,1530), (200,700)):
    rim = np.ones((h,w), bool); rim[32:-32, 32:-32] = False
    for name,a in dict(constant=np.full((h,w), .7, np.float32), ramp=(np.add.outer(np.arange(h), np.arange(w))/(h+w)).astype(np.float32)).items():
        for m in A.methods.split(','):
            try: e = np.abs(globals()[m](a)-a); print(f'| {name} {h} x {w} | {m} | {np.nanmax(e[~rim]):.1e} | {np.nanmax(e[rim]):.1e} |')
            except Exception as x: print(f'| {name} {h} x {w} | {m} | {type(x).__name__}: {str(x)[:60]} | |')
