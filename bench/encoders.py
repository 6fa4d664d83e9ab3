"""Which encoders of timm the U-Net takes: a random part of them, each accepted one tried in every way that the library promises.

Of the architectures of timm a share is drawn by a seed (or `--archs` names them). Each is planned without numbers; refused ones stand in the table with
the reason and the seconds it took. An accepted one is built with 1, 3, 4 and 13 bands and run on patches of 64 x 64, 37 x 53 and 129 x 70 px, whose
answer has to have their size; one training step at 13 bands has to give every parameter a gradient, the features have to be those of the network
before its unused layers were taken out, and the state dict holds no more than what has a gradient, and buffers. A fault is a row with `FAULT`, and the
exit status is 1. Networks of more than `--most` million parameters are only planned.

    python bench/encoders.py [--share .2 --seed 0 --most 40 --limit 60 --archs resnet18,swin_tiny_patch4_window7_224]
"""
import argparse, random, resource, sys, time, warnings; warnings.filterwarnings('ignore')
ap = argparse.ArgumentParser()
ap.add_argument('--share', type=float, default=.2); ap.add_argument('--seed', type=int, default=0); ap.add_argument('--archs', default='')
ap.add_argument('--most', type=float, default=40); ap.add_argument('--limit', type=int, default=0, help='at most so many architectures, 0 for all that were drawn')
A = ap.parse_args()
import torch, torch.nn.functional as F, timm
from aerialfast.encoders import encoder_plan
from aerialfast.unets import aerial_unet,unet_groups

SIZES = (64,64),(37,53),(129,70)

def drawn():
    if A.archs: return A.archs.split(',')
    names = timm.list_models()
    some = random.Random(A.seed).sample(names, round(A.share*len(names)))
    return some[:A.limit or None]

def check_features(arch, net, multiple):
    "The features are the same with and without the layers that were taken out."
    plan = encoder_plan(arch)
    if not plan.unused: return
    whole = timm.create_model(arch, features_only=True, **plan.args).eval()
    whole.load_state_dict(net.encoder.state_dict(), strict=False)
    x = torch.randn(1, 3, multiple, 2*multiple)
    with torch.no_grad(): pairs = zip(net.encoder.eval()(x), whole(x))
    assert all(torch.allclose(f, g, atol=1e-5) for f,g in pairs), 'features differ without the unused layers'

def check_sizes(arch):
    for n in (1,3,4,13):
        net = aerial_unet(arch, n_in=n, n_out=3, widths=WIDTHS).eval()
        with torch.no_grad():
            for h,w in SIZES:
                got = tuple(net(torch.randn(1, n, h, w)).shape)
                assert got==(1,3,h,w), f'{n} bands, {h} x {w} px in, {got} out'
    return net

def check_training(net):
    F.cross_entropy(net.train()(torch.randn(2, 13, 128, 128)), torch.randint(0, 3, (2,128,128))).backward()
    lost = [k for k,p in net.named_parameters() if p.grad is None]
    assert not lost, f'{len(lost)} parameters without a gradient, such as {lost[0]}'
    assert sorted(id(p) for g in unet_groups(net) for p in g)==sorted(id(p) for p in net.parameters()), 'groups leave parameters out'

WIDTHS = (128,64,32,32,32,32)
def row(arch):
    t = time.perf_counter()
    try: plan = encoder_plan(arch)
    except ValueError as e: return f'| {arch} | refused: {str(e)[:150]} | | | | {time.perf_counter()-t:.1f} |'
    planned = time.perf_counter()-t
    with torch.device('meta'): net = aerial_unet(arch, widths=WIDTHS)
    m,info = sum(p.numel() for p in net.parameters())/1e6,net.encoder.feature_info
    said = f"{', '.join(f'{c} at 1/{r}' for c,r in zip(info.channels(), info.reduction()))} | {', '.join(plan.unused) or '-'}"
    if m>A.most: return f'| {arch} | planned only | {m:.1f} | {said} | {planned:.1f} |'
    try:
        check_features(arch, aerial_unet(arch, widths=WIDTHS), plan.multiple)
        check_training(check_sizes(arch))
        words = 'taken'
    except Exception as e: words = f'FAULT: {type(e).__name__} {str(e)[:150]}'
    return f'| {arch} | {words} | {m:.1f} | {said} | {planned:.1f} |'

if __name__=='__main__':
    print(f'timm {timm.__version__}, torch {torch.__version__}, seed {A.seed}\n| encoder | | params M | features | unused layers | seconds to plan |\n|---|---|---|---|---|---|')
    rows = []
    for a in drawn(): rows.append(row(a)); print(rows[-1], flush=True)
    n = {w: sum(f'| {w}' in r for r in rows) for w in ('taken','planned only','refused','FAULT')}
    print(f"{len(rows)} architectures: {', '.join(f'{v} {k}' for k,v in n.items())}; peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/1e6:.1f} GB")
    sys.exit(n['FAULT']>0)
